package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// create records a container without running it.
func (s *Server) create(ctx context.Context, in api.Launch) (empty, error) {
	id, config, err := s.parseLaunch(&in)
	if err != nil {
		return empty{}, err
	}
	return empty{}, s.Containers.Create(ctx, id, config, nil)
}
