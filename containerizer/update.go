package containerizer

import (
	"context"

	"github.com/mctr/mctr"
)

// Update changes the limits of a running container to what change sets; the rest stays. A
// limit that is not valid, or that the kernel cannot honour, is refused as at a launch, and
// so is a memory limit below what is used (mctr.ErrState). An update that fails leaves the
// old limits; one that was cut off is finished by Recover or by the next Update.
func (c *Containerizer) Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error {
	return c.updater.Update(ctx, id, change)
}

// UpdateGroup changes the limits of a running root container and all that is nested in it,
// together; what change does not set stays. A memory limit below what they use is refused
// (mctr.ErrState). An update that fails leaves the old limits; Recover repeats one that was
// cut off.
func (c *Containerizer) UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error {
	return c.updater.UpdateGroup(ctx, root, change)
}
