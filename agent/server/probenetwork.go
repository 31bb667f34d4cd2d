package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// probeNetwork reports whether a container could have a network.
func (s *Server) probeNetwork(_ context.Context, in api.NetworkName) (empty, error) {
	_, err := s.Networks.Available(in.Name)
	return empty{}, err
}
