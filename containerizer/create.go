package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/provisioner"
)

// Create records a container without launching it: id, name and image are taken,
// nothing runs. Start launches it, after a reboot too.
func (c *Containerizer) Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig, progress provisioner.Progress) error {
	r, err := c.newRecord(id, config)
	if err != nil {
		return err
	}
	if err := c.Check(ctx, r.Config); err != nil {
		return err
	}
	lock, err := c.reserve(ctx, r)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := c.park(ctx, r, progress); err != nil {
		return errors.Join(err, c.abolish(context.WithoutCancel(ctx), id))
	}
	return nil
}

// park turns the intent of a launch into a container that waits for one.
func (c *Containerizer) park(ctx context.Context, r *record, progress provisioner.Progress) error {
	if r.Config.Image != "" {
		if c.images == nil {
			return errNoImages
		}
		_, err := c.images.Lease(ctx, string(r.ID), r.Config.Image, provisioner.PullOptions{
			Policy: provisioner.PullPolicy(r.Config.Pull), Platform: r.Config.Platform, Progress: progress,
		})
		if err != nil {
			return fmt.Errorf("provide %s: %w", describeImage(r.Config.Image), err)
		}
	}
	if err := atomicfile.WriteDurable(c.paths.waiting(r.ID), nil, 0o600); err != nil {
		return err
	}
	return os.RemoveAll(c.paths.stateDir(r.ID))
}

// Start launches a container that Create recorded. A launch that fails leaves it
// as it was. The error wraps mctr.ErrState when it is not waiting for a start.
func (c *Containerizer) Start(ctx context.Context, id mctr.ContainerID, o LaunchOptions) (*launcher.Stream, error) {
	r, err := c.load(id)
	if err != nil {
		return nil, err
	}
	l := &launch{Containerizer: c, record: r, options: o}
	if l.lock, err = flock.Exclusive(ctx, c.paths.lock(id)); err != nil {
		return nil, err
	}
	if err := c.unpark(id); err != nil {
		return nil, errors.Join(err, l.lock.Unlock())
	}
	return l.run(ctx)
}

// unpark begins the launch of a waiting container. The mark stays until the
// container runs, so that a launch undone by anybody leaves it waiting.
func (c *Containerizer) unpark(id mctr.ContainerID) error {
	phase, err := c.phase(id)
	if err != nil {
		return err
	}
	if phase != mctr.Created {
		return fmt.Errorf("%w: container %s is %s: only a created one can be started", mctr.ErrState, id.Short(), phase)
	}
	if err := os.Mkdir(c.paths.stateDir(id), 0o700); err != nil {
		return err
	}
	return c.journal(id).reach(atIntent)
}

// isWaiting says whether the container goes back to waiting when its launch fails.
func (c *Containerizer) isWaiting(id mctr.ContainerID) bool {
	_, err := os.Lstat(c.paths.waiting(id))
	return err == nil
}

// stopWaiting takes the mark off a container that runs.
func (c *Containerizer) stopWaiting(id mctr.ContainerID) error {
	if err := os.Remove(c.paths.waiting(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
