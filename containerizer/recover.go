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
	Adopted []mctr.ContainerID // they run, and are watched here from now on
	// their supervisors live and do not answer yet; each is watched once it does
	Unanswered []mctr.ContainerID
	// they ended, are released, and the owner has not acknowledged it: the last end of each
	Ended  map[mctr.ContainerID]*mctr.Termination
	Ends   *mctr.Ends         // all those ends, with their keys for Acknowledge
	Undone []mctr.ContainerID // their launch was cut off, and is taken back
}

// Recover takes over what an earlier process of the same owner left: its running
// containers are watched again, by their isolators too; the ends that the owner has not
// acknowledged are returned with their true status, also of containers that others
// released or removed meanwhile, and each time until Acknowledge is called. Containers
// that ended unseen are started again by their restart policy; launches and releases it did not finish are
// undone, children before parents. So are abandoned launches of other owners.
// Running containers of other owners are left alone but for those in adopt.
//
// Call it once, after New and before the first Launch. It goes on past errors:
// an error names what could not be taken over, and a second call tries again.
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

// recoverLaunch undoes a launch whose launcher is dead: its lock is free, or will be
// soon where it was this owner's.
func (c *recovery) recoverLaunch(ctx context.Context, id mctr.ContainerID) error {
	take := func() (*store.Lock, error) { return c.store.Container(id).TryLock(ctx) }
	if r, err := c.store.Container(id).Record(); err == nil && r.Config.Owner == c.owner {
		take = func() (*store.Lock, error) { return c.store.Container(id).LockAfterDead(ctx) }
	}
	lock, err := take()
	if errors.Is(err, flock.ErrHeld) {
		return nil // it is under way
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	phase, err := c.store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) || err == nil && !release.CutOff(c.store.Container(id), phase) {
		return nil // it was undone, or came to run, before we had the lock
	}
	if err != nil {
		return err
	}
	if err := c.releaser.UndoLaunch(ctx, id); err != nil {
		return err
	}
	c.found.Undone = append(c.found.Undone, id)
	if r, err := c.store.Container(id).Record(); err == nil && r.Config.Owner == c.owner {
		c.supervise.FollowMissed(id) // it was being started again
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
		return nil // its end is no news
	}
	if err := c.recordMissing(ctx, id); err != nil {
		return err
	}
	t, err := c.store.Container(id).Termination()
	if err != nil || t == nil {
		return err // another process was faster
	}
	c.found.Ended[id] = t
	if err := c.Cleanup(ctx, id); err != nil {
		return err
	}
	c.supervise.FollowMissed(id)
	return nil
}

// recordMissing writes down the end of a container that was lost, if that is what
// happened, once its shim, which may be about to, has not. Before this process had the lock,
// another one may have launched the container again: that one lives.
func (c *recovery) recordMissing(ctx context.Context, id mctr.ContainerID) error {
	lock, err := c.store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
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

// recoverStrays undoes what is on the host of containers without any record. What
// stays of those that were undone a moment ago, such as a network whose plugin
// hangs, is not waited for once more.
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

// afterBoot records the exits of what ran before the host went down, and releases it. Of
// what was about to be restarted, agents start theirs after that.
func afterBoot(ctx context.Context, c *Containerizer) {
	ids, err := c.store.AllIDs() // children first: they go with a root that removes itself
	if err != nil {
		c.log.Error("after a reboot", "error", err)
	}
	for _, id := range ids {
		lock, err := c.store.Container(id).Lock(ctx)
		if err == nil {
			err = errors.Join(c.supervise.GiveUpRestart(ctx, id), c.releaser.EndedByBoot(ctx, id))
			err = errors.Join(err, lock.Unlock())
		}
		if err != nil {
			c.log.Error("after a reboot", "container", id, "error", err)
		}
	}
}
