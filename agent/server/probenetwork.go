package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// probeNetwork reports whether a container could have a network.
func (s *Server) probeNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Networks.Available(ctx, in.Name)
}
