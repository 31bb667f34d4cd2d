package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/cgrouptree"
)

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
	return sum, c.addChildren(ctx, sum, root)
}

// addChildren adds what is nested in id, at any depth.
func (c *Containerizer) addChildren(ctx context.Context, sum *mctr.Usage, id mctr.ContainerID) error {
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
		if err := c.addChildren(ctx, sum, child); err != nil {
			return err
		}
	}
	return nil
}
