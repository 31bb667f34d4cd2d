package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// reconcile finds and undoes what no container accounts for.
func (s *Server) reconcile(ctx context.Context, in api.Reconciliation) (api.Leftovers, error) {
	act := s.Containers.Reconcile
	if in.DryRun {
		act = s.Containers.Leftovers
	}
	found, err := act(ctx)
	out := api.Leftovers{Leftovers: found}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}
