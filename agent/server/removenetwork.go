package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// removeNetwork removes a network that nobody is attached to.
func (s *Server) removeNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Networks.Remove(ctx, in.Name)
}
