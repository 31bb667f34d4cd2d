package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// checkNetworks asks plugins whether a container is attached as it should be.
func (s *Server) checkNetworks(ctx context.Context, in api.ID) (api.NetworkCheck, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.NetworkCheck{}, err
	}
	if _, err := s.Containers.Status(ctx, id); err != nil {
		return api.NetworkCheck{}, err
	}
	all, err := s.Networks.Check(ctx, id)
	return api.NetworkCheck{Interfaces: all}, err
}
