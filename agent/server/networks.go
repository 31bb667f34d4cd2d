package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

func (s *Server) createNetwork(ctx context.Context, in api.NewNetwork) (empty, error) {
	return empty{}, s.Local.Networks().Create(ctx, in.Name, in.Definition)
}

// listNetworks lists all networks, past those that cannot be read.
func (s *Server) listNetworks(ctx context.Context, _ empty) (api.Networks, error) {
	list, err := s.Local.Networks().List(ctx)
	out := api.Networks{Networks: list}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}

func (s *Server) inspectNetwork(ctx context.Context, in api.NetworkName) (*cni.Details, error) {
	return s.Local.Networks().Inspect(ctx, in.Name)
}

// probeNetwork fails where a container could not have a network.
func (s *Server) probeNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Local.Networks().Available(ctx, in.Name)
}

// removeNetwork removes a network to which no container is attached.
func (s *Server) removeNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Local.Networks().Remove(ctx, in.Name)
}

// gcNetwork has plugins drop what no container accounts for.
func (s *Server) gcNetwork(ctx context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Local.Networks().GC(ctx, in.Name)
}

// checkNetworks asks plugins whether a container is attached as it should be.
func (s *Server) checkNetworks(ctx context.Context, in api.ID) (api.NetworkCheck, error) {
	all, err := s.Local.Networks().Check(ctx, in.ContainerID.ID())
	return api.NetworkCheck{Interfaces: all}, err
}
