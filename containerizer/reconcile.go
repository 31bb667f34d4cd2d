package containerizer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/reconcile"
)

// Leftovers names everything of this containerizer's on the host that no living
// container accounts for: it looks at records, mounts, control groups, processes,
// locks, names and leases, and at what the isolators know. It changes nothing. What
// another process is busy with (its lock is held) is not left over. A container of this
// owner's that its restart policy was about to start is one, if no process is left to do that.
func (c *Containerizer) Leftovers(ctx context.Context) ([]mctr.Leftover, error) {
	return c.scanner().Scan(ctx)
}

func (c *Containerizer) scanner() *reconcile.Scanner {
	s := &reconcile.Scanner{
		Store: c.store, Isolators: c.isolators, RestartOrphaned: c.restartOrphaned, GroupAbandoned: c.launchAbandoned,
		Wake: c.wakeShim,
	}
	if c.images != nil { // or the interface would not be nil
		s.Images = c.images
	}
	return s
}

// Reconcile undoes what Leftovers names, and removes the control groups above all
// containers' when there is nothing in them. It goes on past errors; an error says
// what stays.
func (c *Containerizer) Reconcile(ctx context.Context) ([]mctr.Leftover, error) {
	found, err := c.Leftovers(ctx)
	errs := []error{err}
	failed := map[mctr.ContainerID]bool{}
	for _, l := range found {
		if _, done := failed[l.Owner]; l.Owner == "" || done {
			continue
		}
		err := c.reconcile(ctx, l.Owner)
		failed[l.Owner] = err != nil
		errs = append(errs, err)
	}
	errs = append(errs, c.scanner().Sweep(found))
	if len(found) > 0 {
		errs = append(errs, c.undoRest(ctx, found, failed))
	}
	return found, errors.Join(append(errs, c.cgroups.RemoveEmpty())...)
}

// undoRest looks again, for what was found and is still there: what belongs to no
// container is its isolator's to undo. The rest stays, with an error for each, unless its
// container's failure is told already.
func (c *Containerizer) undoRest(ctx context.Context, found []mctr.Leftover, failed map[mctr.ContainerID]bool) error {
	left, err := c.Leftovers(ctx)
	errs := []error{err}
	for _, l := range left {
		known := slices.ContainsFunc(found, func(f mctr.Leftover) bool {
			return f.Kind == l.Kind && f.Object == l.Object && f.Owner == l.Owner
		})
		switch {
		case !known || failed[l.Owner]:
		case l.Owner == "" && l.Isolator != "":
			if err := c.scanner().Undo(ctx, l); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", l, err))
			}
		default:
			errs = append(errs, fmt.Errorf("%w: it stays: %s", mctr.ErrState, l))
		}
	}
	return errors.Join(errs...)
}

// reconcile undoes what is left of one container.
func (c *Containerizer) reconcile(ctx context.Context, id mctr.ContainerID) error {
	if r, err := c.handle(id).Record(); err == nil && c.launchAbandoned(r) {
		return c.Remove(ctx, id, true)
	}
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	err = c.reconcileLocked(ctx, id)
	return errors.Join(err, lock.Unlock(), c.endGroup(ctx, id), c.startOrphanedRestart(ctx, id))
}

func (c *Containerizer) reconcileLocked(ctx context.Context, id mctr.ContainerID) error {
	phase, err := c.handle(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return errors.Join(c.release(ctx, id), c.deleteRecords(ctx, id))
	}
	if err == nil && phase == mctr.Exited {
		return c.releaseEnded(ctx, id)
	}
	return c.cleanupLocked(ctx, id)
}
