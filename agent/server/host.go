package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// hostCalls answers the calls about the agent itself, its host, and the files of sandboxes.
type hostCalls struct{ *Server }

func (c hostCalls) verbs() []Verb {
	return []Verb{
		unary(api.GetHealth, Quick, c.health),
		unary(api.GetVersion, Quick, c.version),
		unary(api.ListFiles, Quick, c.listFiles),
		unary(api.ReadFile, Quick, c.readFile),
		unary(api.ExamineHost, Unary, c.examine),
		unary(api.GetHost, Quick, c.facts),
		optional(unary(api.Reconcile, Unary, c.reconcile)),
	}
}

func (c hostCalls) health(context.Context, empty) (api.Health, error) {
	return api.Health{Healthy: c.Healthy() == nil}, nil
}

func (c hostCalls) version(context.Context, empty) (api.Version, error) {
	return api.Version{VersionInfo: c.Version}, nil
}

func (c hostCalls) facts(ctx context.Context, _ empty) (*mctr.HostFacts, error) {
	return c.Local.Host().Facts(ctx)
}

// examine returns which features for containers this host has and lacks.
func (c hostCalls) examine(ctx context.Context, _ empty) (api.Findings, error) {
	found, err := c.Local.Host().Examine(ctx)
	return api.Findings{Findings: found}, err
}

// reconcile finds leftovers and, unless it is a dry run, removes them.
func (c hostCalls) reconcile(ctx context.Context, in api.Reconciliation) (api.Leftovers, error) {
	act := c.Local.Reconcile
	if in.DryRun {
		act = c.Local.Leftovers
	}
	found, err := act(ctx)
	out := api.Leftovers{Leftovers: found}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}
