package containerizer

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// Leftovers lists everything of this containerizer on the host that belongs to no living
// container. It looks at records, mounts, control groups, processes, locks, names and leases,
// and asks the isolators. It changes nothing. What another process works on, because it holds
// the lock, is not a leftover. A container of this owner whose restart is pending is one, if no
// process is left to restart it.
func (c *Containerizer) Leftovers(ctx context.Context) ([]mctr.Leftover, error) {
	return c.scanner.Scan(ctx)
}

// Reconcile undoes what Leftovers lists, and removes the control groups above all containers
// if they are empty. It goes on past errors; an error says what is left.
func (c *Containerizer) Reconcile(ctx context.Context) ([]mctr.Leftover, error) {
	found, err := c.Leftovers(ctx)
	errs := []error{err}
	failed, starts := map[mctr.ContainerID]bool{}, map[mctr.ContainerID]int{}
	for _, l := range found {
		if _, done := failed[l.Owner]; l.Owner == "" || done {
			continue
		}
		starts[l.Owner] = restarts(c.store.Container(l.Owner))
		err := reconciliation{c}.one(ctx, l.Owner)
		failed[l.Owner] = err != nil
		errs = append(errs, err)
	}
	errs = append(errs, c.scanner.Sweep(ctx, found))
	if len(found) > 0 {
		errs = append(errs, c.scanner.UndoRest(ctx, found, func(id mctr.ContainerID) bool {
			return failed[id] || restarts(c.store.Container(id)) != starts[id] // the id is of a later run now
		}))
	}
	return found, errors.Join(append(errs, c.cgroups.RemoveEmpty())...)
}

// restarts returns how often the container was restarted; -1 if that cannot be read.
func restarts(c *store.Container) int {
	s, err := c.State()
	if err != nil {
		return -1
	}
	return s.Restarts
}

// A reconciliation undoes the leftovers of containers.
type reconciliation struct{ *Containerizer }

// one undoes the leftovers of one container.
func (c reconciliation) one(ctx context.Context, id mctr.ContainerID) error {
	if r, err := c.store.Container(id).Record(); err == nil && launchAbandoned(c.store, r) {
		return c.Remove(ctx, id, true)
	}
	lock, err := c.store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	err = c.locked(ctx, id)
	lock.Unlock()
	err = errors.Join(err, c.ender.EndGroup(ctx, id))
	return errors.Join(err, c.supervise.StartOrphaned(ctx, id, len(c.commands.Exit) > 0))
}

func (c reconciliation) locked(ctx context.Context, id mctr.ContainerID) error {
	phase, err := c.store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return errors.Join(c.releaser.Release(ctx, id), c.releaser.DeleteRecords(ctx, id))
	}
	if err == nil && phase == mctr.Exited {
		return c.releaser.Ended(ctx, id)
	}
	return c.releaser.Cleanup(ctx, id)
}
