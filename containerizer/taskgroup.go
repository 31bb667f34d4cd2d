package containerizer

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/flock"
)

// LaunchGroup runs a group: its root as id, and its tasks nested in the root, in the order of
// their names. When one task fails, the others are ended; when all have exited, the root is ended
// too. After a launch that fails nothing of the group is left.
func (c *Containerizer) LaunchGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group, o LaunchOptions) error {
	if err := checkGroup(ctx, c, id, g); err != nil {
		return err
	}
	o.Attach = nil
	lock, err := flock.Exclusive(ctx, c.store.Container(id).GroupLock())
	if err != nil {
		return err
	}
	// An error is ignored: a file that stays is a free lock.
	defer func() {
		_ = os.Remove(c.store.Container(id).GroupLock())
		lock.Unlock()
	}()
	root := g.Root
	root.Process.Pause, root.Process.Tasks = true, g.Names()
	root.GroupResources = root.GroupResources.With(g.Resources)
	if _, err := c.Launch(ctx, id, &root, o); err != nil {
		return err
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		if _, err := c.Launch(ctx, id.Task(name), &task, o); err != nil {
			err = fmt.Errorf("task %s: %w", name, err)
			return errors.Join(err, c.Remove(context.WithoutCancel(ctx), id, true))
		}
	}
	if err := c.store.Container(id).Change(ctx, store.CompleteGroup, func(s *store.State) {
		s.Complete = true
	}); err != nil {
		return errors.Join(err, c.Remove(context.WithoutCancel(ctx), id, true))
	}
	return c.ender.EndGroup(ctx, id.Task(g.Names()[0])) // a task may have exited before the last one was launched
}

// checkGroup checks the config of a group before anything is made.
func checkGroup(ctx context.Context, c *Containerizer, id mctr.ContainerID, g *mctr.Group) error {
	if g == nil {
		return fmt.Errorf("%w: the group is nil", mctr.ErrInvalid)
	}
	if err := g.Validate(); err != nil {
		return err
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		completeConfig(c.store, id.Task(name), &task)
		if err := errors.Join(checkNesting(id.Task(name), &task), c.Check(ctx, &task)); err != nil {
			return fmt.Errorf("task %s: %w", name, err)
		}
	}
	return nil
}

// launchAbandoned returns true if a group's launch was cut off between two tasks.
func launchAbandoned(s *store.Store, r *store.Record) bool {
	if len(r.Config.Process.Tasks) == 0 {
		return false
	}
	c := s.Container(r.ID)
	if state, err := c.State(); err != nil || state.Complete { // an unreadable state may be complete
		return false
	}
	busy, err := flock.Held(c.GroupLock())
	return err == nil && !busy
}
