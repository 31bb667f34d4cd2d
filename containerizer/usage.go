package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/cgrouptree"
)

// Usage sums up what id consumes, from every isolator that knows some of it. The
// error wraps mctr.ErrState when it does not run.
func (c *Containerizer) Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error) {
	u, handle := &mctr.Usage{}, c.store.HandleOf(id)
	for _, i := range c.isolators {
		if err := i.Usage(ctx, handle, u); err != nil {
			return nil, fmt.Errorf("usage of %s: %w", i.Name(), err)
		}
	}
	if u.Pids > 0 {
		return u, nil // it runs, which the records need not be asked for
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

// GroupUsage is what a root container consumes together with all that is nested
// in it, those that have ended included: the counts of the control group that is
// above theirs. The error wraps mctr.ErrState when the root does not run, and
// mctr.ErrInvalid for a nested container.
//
// What the kernel does not sum up is added up here, of the containers that run
// now, so it can shrink when one ends: throttling, the networks, and OOM kills on
// cgroup v1.
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

// addChildren adds what is nested in id, at any depth.
func addChildren(ctx context.Context, c *Containerizer, sum *mctr.Usage, id mctr.ContainerID) error {
	children, err := c.Children(id)
	if err != nil {
		return err
	}
	for _, child := range children {
		u, err := c.Usage(ctx, child)
		if errors.Is(err, mctr.ErrState) || errors.Is(err, mctr.ErrNotFound) {
			continue // it has ended, and what is nested in it too
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
