package server

import (
	"context"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// networkCalls answers the calls about CNI networks.
type networkCalls struct{ local *agent.Local }

func (c networkCalls) verbs() []Verb {
	return []Verb{
		unary(api.CreateNetwork, Unary, c.create),
		unary(api.ListNetworks, Quick, c.list),
		unary(api.InspectNetwork, Quick, c.inspect),
		unary(api.ProbeNetwork, Quick, c.named(agent.Networks.Available)),
		unary(api.RemoveNetwork, Unary, c.named(agent.Networks.Remove)),
		unary(api.GCNetwork, Unary, c.named(agent.Networks.GC)),
		unary(api.CheckNetworks, Unary, c.check),
	}
}

func (c networkCalls) create(ctx context.Context, in api.NewNetwork) (empty, error) {
	return empty{}, c.local.Networks().Create(ctx, in.Name, in.Definition)
}

// list returns every network that can be read, and the errors of the others in its answer.
func (c networkCalls) list(ctx context.Context, _ empty) (api.Networks, error) {
	list, err := c.local.Networks().List(ctx)
	out := api.Networks{Networks: list}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}

func (c networkCalls) inspect(ctx context.Context, in api.NetworkName) (*cni.Details, error) {
	return c.local.Networks().Inspect(ctx, in.Name)
}

// check asks the CNI plugins whether a container is attached as its config says.
func (c networkCalls) check(ctx context.Context, in api.ID) (api.NetworkCheck, error) {
	all, err := c.local.Networks().Check(ctx, in.ContainerID.ID())
	return api.NetworkCheck{Interfaces: all}, err
}

// named returns the handler of a call that does something with the named network.
func (c networkCalls) named(do func(agent.Networks, context.Context, string) error,
) func(context.Context, api.NetworkName) (empty, error) {
	return func(ctx context.Context, in api.NetworkName) (empty, error) {
		return empty{}, do(c.local.Networks(), ctx, in.Name)
	}
}
