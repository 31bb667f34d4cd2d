package operator

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// createNetwork makes a network.
func (s *Server) createNetwork(_ context.Context, in api.NewNetwork) (empty, error) {
	_, err := s.Networks.Create(in.Name, in.Definition)
	return empty{}, err
}
