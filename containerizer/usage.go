package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/cgrouptree"
)

// Usage adds up what the container uses, as reported by its isolators. The error wraps
// mctr.ErrState if the container does not run.
func (c *Containerizer) Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error) {
	u, handle := &mctr.Usage{}, c.store.HandleOf(id)
	for _, i := range c.isolators {
		if err := i.Usage(ctx, handle, u); err != nil {
			return nil, fmt.Errorf("usage of %s: %w", i.Name(), err)
		}
	}
	if u.Pids > 0 {
		return u, nil // usage proves that the container runs: its records need not be read
	}
	phase, err := c.store.Container(id).Phase()
	if err != nil {
		return nil, err
	}
	if !c.store.Container(id).MayRun(phase) {
		return nil, fmt.Errorf("%w: container %s is not running", mctr.ErrState, id)
	}
	return u, nil
}

// GroupUsage returns what a root container uses together with all that is nested in it, including
// nested containers that have exited: the counts of the control group above theirs. The error
// wraps mctr.ErrState if the root does not run, and mctr.ErrInvalid for a nested container.
//
// Throttling, network traffic and, on cgroup v1, OOM kills are not counted by that group. They
// are added up over the containers that run now, so they may shrink when one exits.
func (c *Containerizer) GroupUsage(ctx context.Context, root mctr.ContainerID) (*mctr.Usage, error) {
	if root.Parent() != "" {
		return nil, fmt.Errorf("%w: usage of group %s: it is nested: ask for its root %s", mctr.ErrInvalid,
			root.Short(), root.Root().Short())
	}
	own, err := c.Usage(ctx, root)
	if err != nil {
		return nil, err
	}
	sum := c.cgroups.Usage(root)
	cgrouptree.AddMember(sum, own)
	return sum, addChildren(ctx, c, sum, root)
}

// addChildren adds the usage of what is nested in id, at any depth.
func addChildren(ctx context.Context, c *Containerizer, sum *mctr.Usage, id mctr.ContainerID) error {
	children, err := c.Children(id)
	if err != nil {
		return err
	}
	for _, child := range children {
		u, err := c.Usage(ctx, child)
		if errors.Is(err, mctr.ErrState) || errors.Is(err, mctr.ErrNotFound) {
			continue // the container has exited, and so has what is nested in it
		}
		if err != nil {
			return err
		}
		cgrouptree.AddMember(sum, u)
		if err := addChildren(ctx, c, sum, child); err != nil {
			return err
		}
	}
	return nil
}
