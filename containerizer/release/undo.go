package release

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
)

// UndoLaunch undoes a launch that did not come to run: the container is removed, awaits its first
// start again, or has its last termination again.
func (r *Releaser) UndoLaunch(ctx context.Context, id mctr.ContainerID) error {
	c := r.Store.Container(id)
	if _, err := c.State(); err != nil { // the state says which of the three
		return err
	}
	if err := c.EndRun(ctx); err != nil { // or a kill after this would leave a container that seems to have run
		return err
	}
	if c.Revived() {
		if err := r.Release(ctx, id); err != nil {
			return err
		}
		return c.TakeBack(ctx)
	}
	if !c.AwaitsFirstStart() {
		return r.Purge(ctx, id)
	}
	if err := r.Release(ctx, id); err != nil {
		return err
	}
	var errs []error
	for _, path := range []string{c.Exit(), c.Logs(), c.Sandbox()} { // rw may hold what was copied to it
		errs = append(errs, tree.Remove(path))
	}
	return errors.Join(errs...)
}
