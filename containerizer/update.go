package containerizer

import (
	"context"

	"github.com/mctr/mctr"
)

// Update changes the limits of a running container that change sets, and leaves the others. Like
// a launch, it refuses limits that are not valid or that the kernel cannot honour, and also a
// memory limit below the present usage (mctr.ErrState). After a failed update the old limits
// hold; Recover or the next Update finishes one that was cut off.
func (c *Containerizer) Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error {
	return c.updater.Update(ctx, id, change)
}

// UpdateGroup changes the limits of a running root container together with all that is nested in
// it; limits that change does not set stay. A memory limit below the present usage is refused
// (mctr.ErrState). After a failed update the old limits hold; Recover repeats one that was cut
// off.
func (c *Containerizer) UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error {
	return c.updater.UpdateGroup(ctx, root, change)
}
