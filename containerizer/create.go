package containerizer

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/provisioner"
)

// Create records a container without launching it: its id, name and image are reserved, and
// nothing runs. Start launches it, also after a reboot.
func (c *Containerizer) Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
	progress provisioner.Progress) error {
	r, err := c.newRecord(ctx, id, config)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Check(ctx, r.Config), c.updater.CheckGroup(ctx, r)); err != nil {
		return err
	}
	lock, err := c.reserveNew(ctx, r, config)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := park(ctx, c.images, c.store.Container(id), r, progress); err != nil {
		return errors.Join(err, c.releaser.Purge(context.WithoutCancel(ctx), id))
	}
	return nil
}

// park turns the intent of a launch into a container that awaits its first start.
func park(ctx context.Context, images Images, container *store.Container, r *store.Record,
	progress provisioner.Progress) error {
	if r.Config.Image != "" {
		if images == nil {
			return errNoImages
		}
		_, err := images.Lease(ctx, string(r.ID), r.Config.Image, provisioner.PullOptions{
			Policy: provisioner.PullPolicy(r.Config.Pull), Platform: r.Config.Platform, Progress: progress,
		})
		if err != nil {
			return err
		}
	}
	return container.Park(ctx)
}
