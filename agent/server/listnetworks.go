package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// listNetworks lists all networks, past those that cannot be read.
func (s *Server) listNetworks(ctx context.Context, _ empty) (api.Networks, error) {
	list, err := s.Networks.List(ctx)
	out := api.Networks{Networks: list}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}
