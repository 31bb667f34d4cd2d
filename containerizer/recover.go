package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/mctr/mctr"
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
	ids, err := c.allIDs()
	found := &Recovered{Ended: map[mctr.ContainerID]*mctr.Termination{}}
	errs := []error{err}
	for _, id := range ids {
		if err := c.recoverOne(ctx, id, slices.Contains(adopt, id), found); err != nil {
			errs = append(errs, fmt.Errorf("recover container %s: %w", id, err))
		}
	}
	errs = append(errs, c.recoverStrays(ctx, found.Undone))
	if found.Ends, err = c.Ends(ctx); err != nil {
		return found, errors.Join(append(errs, err)...)
	}
	for _, e := range found.Ends.Ends {
		found.Ended[e.ID] = e.Termination
	}
	return found, errors.Join(errs...)
}

// allIDs are all ids that ROOT or STATE has a directory of, children first.
func (c *Containerizer) allIDs() ([]mctr.ContainerID, error) {
	ids, err := c.store.IDs()
	running, errRunning := c.store.RunningIDs()
	ids = append(ids, running...)
	slices.SortFunc(ids, func(a, b mctr.ContainerID) int { return strings.Compare(string(b), string(a)) })
	return slices.Compact(ids), errors.Join(err, errRunning)
}

func (c *Containerizer) recoverOne(ctx context.Context, id mctr.ContainerID, told bool, found *Recovered) error {
	phase, err := c.handle(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.launchCutOff(id, phase) {
		return c.recoverLaunch(ctx, id, found)
	}
	r, err := c.handle(id).Record()
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
		return c.recoverEnd(ctx, id, found)
	case c.launchAbandoned(r):
		return c.recoverGroup(ctx, id, found)
	}
	return c.adopt(ctx, r, found)
}

// recoverLaunch undoes a launch whose launcher is dead: its lock is free, or will be
// soon where it was this owner's.
func (c *Containerizer) recoverLaunch(ctx context.Context, id mctr.ContainerID, found *Recovered) error {
	take := func() (*store.Lock, error) { return c.handle(id).TryLock(ctx) }
	if r, err := c.handle(id).Record(); err == nil && r.Config.Owner == c.owner {
		take = func() (*store.Lock, error) { return c.handle(id).LockAfterDead(ctx) }
	}
	lock, err := take()
	if errors.Is(err, flock.ErrHeld) {
		return nil // it is under way
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	phase, err := c.handle(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) || err == nil && !c.launchCutOff(id, phase) {
		return nil // it was undone, or came to run, before we had the lock
	}
	if err != nil {
		return err
	}
	if err := c.undoLaunch(ctx, id); err != nil {
		return err
	}
	found.Undone = append(found.Undone, id)
	if r, err := c.handle(id).Record(); err == nil && r.Config.Owner == c.owner {
		c.restartMissed(id) // it was being started again
	}
	return nil
}

// launchCutOff reports whether the launch of a container in this phase, or what undid it, was
// not finished.
func (c *Containerizer) launchCutOff(id mctr.ContainerID, phase mctr.Phase) bool {
	return phase.Launching() || phase == mctr.Destroying && !c.handle(id).Ran()
}

// recoverGroup undoes the launch of a group that was cut off before its last task.
func (c *Containerizer) recoverGroup(ctx context.Context, id mctr.ContainerID, found *Recovered) error {
	if err := c.Remove(ctx, id, true); err != nil {
		return err
	}
	found.Undone = append(found.Undone, id)
	return nil
}

// recoverUpdate finishes an update that was cut off.
func (c *Containerizer) recoverUpdate(ctx context.Context, r *store.Record) error {
	id, limited := r.ID, !reflect.DeepEqual(r.Config.GroupResources, mctr.Resources{})
	if s, err := c.handle(id).State(); err == nil && s.Update == nil && !limited {
		return nil
	}
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := c.finishUpdate(ctx, id); err != nil || !limited {
		return err
	}
	if r, err = c.handle(id).Record(); err != nil { // again: it may have been updated before we had the lock
		return err
	}
	return c.cgroups.Limit(id, r.Config.GroupResources) // an update may have been cut off behind its record
}

// recoverEnd releases a container that has exited and was not released.
func (c *Containerizer) recoverEnd(ctx context.Context, id mctr.ContainerID, found *Recovered) error {
	if _, err := os.Lstat(c.handle(id).StateDir()); errors.Is(err, fs.ErrNotExist) {
		c.restartMissed(id)
		return nil // its end is no news
	}
	if err := c.recordMissing(ctx, id); err != nil {
		return err
	}
	t, err := c.handle(id).Termination()
	if err != nil || t == nil {
		return err // another process was faster
	}
	found.Ended[id] = t
	if err := c.Cleanup(ctx, id); err != nil {
		return err
	}
	c.restartMissed(id)
	return nil
}

// recordMissing writes down the end of a container that was lost, if that is what
// happened, once its shim, which may be about to, has not. Before this process had the lock,
// another one may have launched the container again: that one lives.
func (c *Containerizer) recordMissing(ctx context.Context, id mctr.ContainerID) error {
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	phase, err := c.handle(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	if err != nil || phase.Alive() || phase == mctr.Created || c.launchCutOff(id, phase) {
		return err
	}
	if t, err := c.handle(id).Termination(); err != nil || t != nil {
		return err
	}
	if err := c.killShim(id); err != nil {
		return err
	}
	if t, err := c.handle(id).Termination(); err != nil || t != nil {
		return err
	}
	return c.recordLost(id)
}

// recoverStrays undoes what is on the host of containers without any record. What
// stays of those that were undone a moment ago, such as a network whose plugin
// hangs, is not waited for once more.
func (c *Containerizer) recoverStrays(ctx context.Context, undone []mctr.ContainerID) error {
	left, err := c.Leftovers(ctx)
	errs := []error{err}
	for _, l := range left {
		if _, err := c.handle(l.Owner).Record(); l.Owner == "" || slices.Contains(undone, l.Owner) ||
			!errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		errs = append(errs, c.reconcile(ctx, l.Owner))
	}
	return errors.Join(append(errs, c.scanner().Sweep(left))...)
}
