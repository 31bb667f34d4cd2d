package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// createNetwork makes a network.
func (s *Server) createNetwork(_ context.Context, in api.NewNetwork) (empty, error) {
	_, err := s.Networks.Create(in.Name, in.Definition)
	return empty{}, err
}
