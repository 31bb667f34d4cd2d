package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/release"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/flock"
)

// Recovered is what Recover found of an earlier process.
type Recovered struct {
	Adopted []mctr.ContainerID // containers that run, and are watched by this process now
	// Unanswered are containers whose shims live and do not answer yet; each is watched once its shim does.
	Unanswered []mctr.ContainerID
	// Ended are containers that exited and are released, with the last termination that the owner has not acknowledged.
	Ended  map[mctr.ContainerID]*mctr.Termination
	Ends   *mctr.Ends         // all those ends, with their keys for Acknowledge
	Undone []mctr.ContainerID // containers whose launch was cut off, and is undone
}

// Recover takes over what an earlier process of the same owner left. It watches the running
// containers again, also by their isolators. It returns the ends that the owner has not
// acknowledged, with their true status, also of containers that other processes released or
// removed meanwhile, each time until Acknowledge is called. Restart policies start containers
// that exited unwatched. Launches and releases that were cut off are undone, children before
// parents, also abandoned launches of other owners. Running containers of other owners are left
// alone, except those in adopt.
//
// Call Recover once, after New and before the first Launch. It goes on past errors: an error
// names what could not be taken over, and a second call tries again.
func (c *Containerizer) Recover(ctx context.Context, adopt ...mctr.ContainerID) (*Recovered, error) {
	ids, err := c.store.AllIDs()
	r := &recovery{Containerizer: c, found: &Recovered{Ended: map[mctr.ContainerID]*mctr.Termination{}}}
	errs := []error{err}
	for _, id := range ids {
		if err := r.recoverOne(ctx, id, slices.Contains(adopt, id)); err != nil {
			errs = append(errs, fmt.Errorf("recover container %s: %w", id, err))
		}
	}
	errs = append(errs, r.recoverStrays(ctx))
	if r.found.Ends, err = c.Ends(ctx); err != nil {
		return r.found, errors.Join(append(errs, err)...)
	}
	for _, e := range r.found.Ends.Ends {
		r.found.Ended[e.ID] = e.Termination
	}
	return r.found, errors.Join(errs...)
}

// A recovery is one call of Recover.
type recovery struct {
	*Containerizer
	found *Recovered
}

func (c *recovery) recoverOne(ctx context.Context, id mctr.ContainerID, told bool) error {
	phase, err := c.store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if release.CutOff(c.store.Container(id), phase) {
		return c.recoverLaunch(ctx, id)
	}
	r, err := c.store.Container(id).Record()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switch mine := told || r.Config.Owner == c.owner; {
	case !mine:
		return nil
	case !phase.Alive() && phase != mctr.Damaged:
		return c.recoverEnd(ctx, id)
	case launchAbandoned(c.store, r):
		return c.recoverGroup(ctx, id)
	}
	return c.adopt(ctx, r)
}

// recoverLaunch undoes a launch whose launcher is dead: its lock is free, or will be free soon if
// the launcher was of this owner.
func (c *recovery) recoverLaunch(ctx context.Context, id mctr.ContainerID) error {
	take := func() (*store.Lock, error) { return c.store.Container(id).TryLock(ctx) }
	if r, err := c.store.Container(id).Record(); err == nil && r.Config.Owner == c.owner {
		take = func() (*store.Lock, error) { return c.store.Container(id).LockAfterDead(ctx) }
	}
	lock, err := take()
	if errors.Is(err, flock.ErrHeld) {
		return nil // the launch is under way
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	phase, err := c.store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) || err == nil && !release.CutOff(c.store.Container(id), phase) {
		return nil // another process undid it, or it came to run, before this process had the lock
	}
	if err != nil {
		return err
	}
	if err := c.releaser.UndoLaunch(ctx, id); err != nil {
		return err
	}
	c.found.Undone = append(c.found.Undone, id)
	if r, err := c.store.Container(id).Record(); err == nil && r.Config.Owner == c.owner {
		c.supervise.FollowMissed(id) // the launch was a restart
	}
	return nil
}

// recoverGroup undoes the launch of a group that was cut off before its last task.
func (c *recovery) recoverGroup(ctx context.Context, id mctr.ContainerID) error {
	if err := c.Remove(ctx, id, true); err != nil {
		return err
	}
	c.found.Undone = append(c.found.Undone, id)
	return nil
}

// recoverEnd releases a container that has exited and was not released.
func (c *recovery) recoverEnd(ctx context.Context, id mctr.ContainerID) error {
	if _, err := os.Lstat(c.store.Container(id).StateDir()); errors.Is(err, fs.ErrNotExist) {
		c.supervise.FollowMissed(id)
		return nil // the owner knows of this end
	}
	if err := c.recordMissing(ctx, id); err != nil {
		return err
	}
	t, err := c.store.Container(id).Termination()
	if err != nil || t == nil {
		return err // another process released it first
	}
	c.found.Ended[id] = t
	if err := c.Cleanup(ctx, id); err != nil {
		return err
	}
	c.supervise.FollowMissed(id)
	return nil
}

// recordMissing records the end of a container whose shim died without doing so. The shim may be
// about to, so recordMissing looks again. Another process may have launched the container again
// before this process had the lock: that run lives.
func (c *recovery) recordMissing(ctx context.Context, id mctr.ContainerID) error {
	lock, err := c.store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	phase, err := c.store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	if err != nil || phase.Alive() || phase == mctr.Created || release.CutOff(c.store.Container(id), phase) {
		return err
	}
	if t, err := c.store.Container(id).Termination(); err != nil || t != nil {
		return err
	}
	if err := c.shims.Kill(id); err != nil {
		return err
	}
	if t, err := c.store.Container(id).Termination(); err != nil || t != nil {
		return err
	}
	return c.releaser.RecordLost(id)
}

// recoverStrays undoes leftovers on the host that belong to no record. It does not wait a second
// time for leftovers of containers that were undone just now, such as a network whose plugin
// hangs.
func (c *recovery) recoverStrays(ctx context.Context) error {
	left, err := c.Leftovers(ctx)
	errs := []error{err}
	for _, l := range left {
		if _, err := c.store.Container(l.Owner).Record(); l.Owner == "" || slices.Contains(c.found.Undone, l.Owner) ||
			!errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		errs = append(errs, reconciliation{c.Containerizer}.one(ctx, l.Owner))
	}
	return errors.Join(append(errs, c.scanner.Sweep(ctx, left))...)
}

// afterBoot records and releases the containers that ran before the host went down. Agents make
// pending restarts of their containers after that.
func afterBoot(ctx context.Context, c *Containerizer) {
	ids, err := c.store.AllIDs() // children first: they go with a root that removes itself
	if err != nil {
		c.log.Error("after a reboot", "error", err)
	}
	for _, id := range ids {
		lock, err := c.store.Container(id).Lock(ctx)
		if err == nil {
			err = errors.Join(c.supervise.GiveUpRestart(ctx, id), c.releaser.EndedByBoot(ctx, id))
			lock.Unlock()
		}
		if err != nil {
			c.log.Error("after a reboot", "container", id, "error", err)
		}
	}
}
