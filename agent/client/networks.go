package client

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/cni"
)

// networks are the networks of an agent.
type networks struct{ c *Client }

// Networks returns the networks of the agent.
func (c *Client) Networks() agent.Networks { return networks{c} }

func (n networks) List(ctx context.Context) ([]cni.Details, error) {
	var found api.Networks
	err := n.c.call(ctx, api.ListNetworks, nil, &found)
	if err == nil && found.Error != nil {
		err = found.Error.Err()
	}
	return found.Networks, err
}

func (n networks) Inspect(ctx context.Context, name string) (*cni.Details, error) {
	d := &cni.Details{}
	return d, n.c.call(ctx, api.InspectNetwork, api.NetworkName{Name: name}, d)
}

func (n networks) Available(ctx context.Context, name string) error {
	return n.c.call(ctx, api.ProbeNetwork, api.NetworkName{Name: name}, nil)
}

func (n networks) Create(ctx context.Context, name string, d cni.Definition) error {
	return n.c.call(ctx, api.CreateNetwork, api.NewNetwork{Name: name, Definition: d}, nil)
}

func (n networks) Remove(ctx context.Context, name string) error {
	return n.c.call(ctx, api.RemoveNetwork, api.NetworkName{Name: name}, nil)
}

func (n networks) GC(ctx context.Context, name string) error {
	return n.c.call(ctx, api.GCNetwork, api.NetworkName{Name: name}, nil)
}

func (n networks) Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error) {
	var check api.NetworkCheck
	err := n.c.call(ctx, api.CheckNetworks, idOf(id), &check)
	return check.Interfaces, err
}
