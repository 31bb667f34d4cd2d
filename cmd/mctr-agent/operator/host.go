package operator

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/doctor"
)

// examineHost says what this host can do for containers, and what not.
func (s *Server) examineHost(context.Context, none) (api.Findings, error) {
	return api.Findings{Findings: doctor.Examine(s.Host)}, nil
}

// getHost tells short facts of this host.
func (s *Server) getHost(context.Context, none) (*doctor.Facts, error) {
	return s.Host.Facts(s.Version.Version, s.Backend)
}

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
