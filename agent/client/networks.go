package client

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/cni"
)

// Networks are the agent's.
type Networks struct{ c *Client }

// Networks gives the agent's networks.
func (c *Client) Networks() Networks { return Networks{c} }

// List is every network. The error is of those that cannot be read.
func (n Networks) List(ctx context.Context) ([]cni.Details, error) {
	var found api.Networks
	err := n.c.call(ctx, api.ListNetworks, nil, &found)
	if err == nil && found.Error != nil {
		err = found.Error.Err()
	}
	return found.Networks, err
}

// Inspect tells what is known of a network.
func (n Networks) Inspect(ctx context.Context, name string) (*cni.Details, error) {
	d := &cni.Details{}
	return d, n.c.call(ctx, api.InspectNetwork, api.NetworkName{Name: name}, d)
}

// Available reports whether a container could have the network.
func (n Networks) Available(ctx context.Context, name string) error {
	return n.c.call(ctx, api.ProbeNetwork, api.NetworkName{Name: name}, nil)
}

// Create makes a network.
func (n Networks) Create(ctx context.Context, name string, d cni.Definition) error {
	return n.c.call(ctx, api.CreateNetwork, api.NewNetwork{Name: name, Definition: d}, nil)
}

// Remove removes a network that nobody is attached to.
func (n Networks) Remove(ctx context.Context, name string) error {
	return n.c.call(ctx, api.RemoveNetwork, api.NetworkName{Name: name}, nil)
}

// GC has plugins drop what no container accounts for.
func (n Networks) GC(ctx context.Context, name string) error {
	return n.c.call(ctx, api.GCNetwork, api.NetworkName{Name: name}, nil)
}

// Check asks plugins whether a container is attached as it should be.
func (n Networks) Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error) {
	var check api.NetworkCheck
	err := n.c.call(ctx, api.CheckNetworks, idOf(id), &check)
	return check.Interfaces, err
}
