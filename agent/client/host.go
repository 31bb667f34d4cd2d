package client

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
)

// host is the host of an agent.
type host struct{ c *Client }

// Host returns the host of the agent.
func (c *Client) Host() agent.Host { return host{c} }

func (h host) Facts(ctx context.Context) (*mctr.HostFacts, error) {
	f := &mctr.HostFacts{}
	return f, h.c.call(ctx, api.GetHost, nil, f)
}

func (h host) Examine(ctx context.Context) ([]mctr.Finding, error) {
	var found api.Findings
	err := h.c.call(ctx, api.ExamineHost, nil, &found)
	return found.Findings, err
}

// Leftovers returns what belongs to no known container.
func (c *Client) Leftovers(ctx context.Context) ([]mctr.Leftover, error) {
	return c.reconcile(ctx, true)
}

// Reconcile removes the leftovers and returns them.
func (c *Client) Reconcile(ctx context.Context) ([]mctr.Leftover, error) {
	return c.reconcile(ctx, false)
}

func (c *Client) reconcile(ctx context.Context, dryRun bool) ([]mctr.Leftover, error) {
	var found api.Leftovers
	err := c.call(ctx, api.Reconcile, api.Reconciliation{DryRun: dryRun}, &found)
	if err == nil && found.Error != nil {
		err = found.Error.Err()
	}
	return found.Leftovers, err
}
