package operator

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// createNetwork makes a network.
func (s *Server) createNetwork(_ context.Context, in api.NewNetwork) (none, error) {
	_, err := s.Networks.Create(in.Name, in.Definition)
	return none{}, err
}

// listNetworks lists all networks, past those that cannot be read.
func (s *Server) listNetworks(context.Context, none) (api.Networks, error) {
	list, err := s.Networks.List()
	out := api.Networks{Networks: list}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}

// inspectNetwork tells everything that is known of a network.
func (s *Server) inspectNetwork(_ context.Context, in api.NetworkName) (*cni.Details, error) {
	return s.Networks.Details(in.Name)
}

// probeNetwork says whether a container could have a network.
func (s *Server) probeNetwork(_ context.Context, in api.NetworkName) (none, error) {
	_, err := s.Networks.Offers(in.Name)
	return none{}, err
}

// removeNetwork removes a network that nobody is attached to.
func (s *Server) removeNetwork(_ context.Context, in api.NetworkName) (none, error) {
	return none{}, s.Networks.Remove(in.Name)
}

// gcNetwork has plugins drop what no container accounts for.
func (s *Server) gcNetwork(ctx context.Context, in api.NetworkName) (none, error) {
	network, err := s.Networks.Find(in.Name)
	if err != nil {
		return none{}, err
	}
	return none{}, s.Networks.GC(ctx, network)
}

// checkNetworks asks plugins whether a container is attached as it should be.
func (s *Server) checkNetworks(ctx context.Context, in api.ID) (api.NetworkCheck, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.NetworkCheck{}, err
	}
	if _, err := s.Containers.Status(ctx, id); err != nil {
		return api.NetworkCheck{}, err
	}
	all, err := s.Networks.CheckAll(ctx, id)
	return api.NetworkCheck{Interfaces: all}, err
}
