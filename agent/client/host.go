package client

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/internal/doctor"
)

// A Host is the agent's.
type Host struct{ c *Client }

// Host gives the agent's host.
func (c *Client) Host() Host { return Host{c} }

// Facts are short ones.
func (h Host) Facts(ctx context.Context) (*doctor.Facts, error) {
	f := &doctor.Facts{}
	return f, h.c.call(ctx, api.GetHost, nil, f)
}

// Examine says what the host can do for containers, and what not.
func (h Host) Examine(ctx context.Context) ([]doctor.Finding, error) {
	var found api.Findings
	err := h.c.call(ctx, api.ExamineHost, nil, &found)
	return found.Findings, err
}

// Leftovers is what no container accounts for.
func (c *Client) Leftovers(ctx context.Context) ([]mctr.Leftover, error) {
	return c.reconcile(ctx, true)
}

// Reconcile undoes it.
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
