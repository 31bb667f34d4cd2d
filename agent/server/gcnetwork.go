package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// gcNetwork has plugins drop what no container accounts for.
func (s *Server) gcNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	network, err := s.Networks.Find(in.Name)
	if err != nil {
		return empty{}, err
	}
	return empty{}, s.Networks.GC(ctx, network)
}
