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
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/provisioner"
)

// Create records a container without launching it: id, name and image are taken,
// nothing runs. Start launches it, after a reboot too.
func (c *Containerizer) Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
	progress provisioner.Progress) error {
	r, err := c.newRecord(id, config)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Check(ctx, r.Config), c.checkGroupLimits(ctx, r)); err != nil {
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
			return err
		}
	}
	if err := atomicfile.WriteDurable(c.paths.waiting(r.ID), nil, 0o600); err != nil {
		return err
	}
	return tree.Remove(c.paths.stateDir(r.ID))
}

// Start launches a container that Create recorded, or launches one that has ended
// again: with the same image, files, sandbox and log, and new attachments. A
// launch that fails leaves it as it was. The error wraps mctr.ErrState when the
// container is in neither state.
func (c *Containerizer) Start(ctx context.Context, id mctr.ContainerID, o LaunchOptions) (*launcher.Stream, error) {
	steps := beginSteps(o.Step)
	r, err := c.load(id)
	if err != nil {
		return nil, err
	}
	l := &launch{Containerizer: c, record: r, options: o, steps: steps}
	if err := l.inParent(ctx); err != nil {
		return nil, err
	}
	defer l.leaveParent()
	if l.lock, err = c.lock(ctx, id); err != nil {
		return nil, err
	}
	// again: it may have been renamed or updated before we had the lock
	if l.record, err = c.loadWhole(id); err != nil {
		return nil, errors.Join(err, l.lock.Unlock())
	}
	if err := errors.Join(l.mayStart(), l.checkShim(ctx, l.record.Config)); err != nil {
		return nil, errors.Join(err, l.lock.Unlock())
	}
	if err := l.again(ctx); err != nil {
		return nil, errors.Join(err, l.lock.Unlock())
	}
	return l.run(ctx)
}

// mayStart refuses what is not to be started: a group, whose tasks would stay
// ended, what nobody would look after, and by a policy what somebody stopped.
func (l *launch) mayStart() error {
	if len(l.record.Config.Process.Tasks) > 0 {
		return fmt.Errorf("%w: container %s is the root of a group: run the group anew", mctr.ErrState,
			l.record.ID.Short())
	}
	if err := l.mayKeep(); err != nil {
		return err
	}
	if !l.options.Again {
		return l.unmarkStopped(l.record.ID)
	}
	if l.stopped(l.record.ID) {
		return fmt.Errorf("%w: container %s was stopped", mctr.ErrState, l.record.ID.Short())
	}
	return nil
}

// again begins the launch of a container that waits for one or has ended. What
// marks it as such stays until the container runs, so that a launch undone by
// anybody takes it back there.
func (l *launch) again(ctx context.Context) error {
	id := l.record.ID
	phase, err := l.phase(id)
	if err != nil {
		return err
	}
	switch phase {
	case mctr.Created:
	case mctr.Exited:
		if err := l.revive(ctx); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: container %s is %s: only one that was created or has ended can be started",
			mctr.ErrState, id.Short(), phase)
	}
	if err := os.Mkdir(l.paths.stateDir(id), 0o700); err != nil {
		return err
	}
	return l.journal(id).reach(atIntent)
}

// revive puts the record of the end aside and counts.
func (l *launch) revive(ctx context.Context) error {
	id := l.record.ID
	if err := l.release(ctx, id); err != nil {
		return err
	}
	l.record.Restarts++
	l.record.Streak = l.options.streak
	if err := atomicfile.WriteDurableJSON(l.paths.config(id), l.record); err != nil {
		return err
	}
	err := os.Rename(l.paths.exit(id), l.paths.last(id))
	if errors.Is(err, fs.ErrNotExist) { // an earlier start was cut off here
		return nil
	}
	return err
}

// hasEnded says whether the container goes back to its last end when its launch fails.
func (c *Containerizer) hasEnded(id mctr.ContainerID) bool {
	_, err := os.Lstat(c.paths.last(id))
	return err == nil
}

// isWaiting says whether the container goes back to waiting when its launch fails.
func (c *Containerizer) isWaiting(id mctr.ContainerID) bool {
	_, err := os.Lstat(c.paths.waiting(id))
	return err == nil
}

// stopWaiting takes the marks off a container that runs.
func (c *Containerizer) stopWaiting(id mctr.ContainerID) error {
	for _, mark := range []string{c.paths.waiting(id), c.paths.last(id), c.paths.again(id), c.paths.startError(id)} {
		if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
