package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// createNetwork makes a network.
func (s *Server) createNetwork(ctx context.Context, in api.NewNetwork) (empty, error) {
	return empty{}, s.Networks.Create(ctx, in.Name, in.Definition)
}
