package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

func (s *Server) getHealth(context.Context, empty) (api.Health, error) {
	return api.Health{Healthy: s.Healthy() == nil}, nil
}

func (s *Server) getVersion(context.Context, empty) (api.Version, error) {
	return api.Version{VersionInfo: s.Version}, nil
}

func (s *Server) getHost(ctx context.Context, _ empty) (*mctr.HostFacts, error) {
	return s.Local.Host().Facts(ctx)
}

// examineHost returns what this host can do for containers, and the gaps.
func (s *Server) examineHost(ctx context.Context, _ empty) (api.Findings, error) {
	found, err := s.Local.Host().Examine(ctx)
	return api.Findings{Findings: found}, err
}

// reconcile finds and undoes what no container accounts for.
func (s *Server) reconcile(ctx context.Context, in api.Reconciliation) (api.Leftovers, error) {
	act := s.Local.Reconcile
	if in.DryRun {
		act = s.Local.Leftovers
	}
	found, err := act(ctx)
	out := api.Leftovers{Leftovers: found}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}
