package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// gcNetwork has plugins drop what no container accounts for.
func (s *Server) gcNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Networks.GC(ctx, in.Name)
}
