package containerizer

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/flock"
)

// LaunchGroup runs a group: its root as id, and its tasks nested in it, in the
// order of their names. When one task fails, the rest ends; when all have ended,
// so does the root. A launch that fails leaves nothing of the group.
func (c *Containerizer) LaunchGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group, o LaunchOptions) error {
	if err := c.checkGroup(ctx, id, g); err != nil {
		return err
	}
	o.Attach = nil
	lock, err := flock.Exclusive(ctx, c.handle(id).GroupLock())
	if err != nil {
		return err
	}
	// a file that stays says only that it is free
	defer func() { _ = errors.Join(os.Remove(c.handle(id).GroupLock()), lock.Unlock()) }()
	root := g.Root
	root.Process.Pause, root.Process.Tasks = true, g.Names()
	root.GroupResources = root.GroupResources.With(g.Resources)
	if _, err := c.Launch(ctx, id, &root, o); err != nil {
		return err
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		if _, err := c.Launch(ctx, member(id, name), &task, o); err != nil {
			err = fmt.Errorf("task %s: %w", name, err)
			return errors.Join(err, c.Remove(context.WithoutCancel(ctx), id, true))
		}
	}
	if err := c.handle(id).Change(ctx, store.CompleteGroup, func(s *store.State) { s.Complete = true }); err != nil {
		return errors.Join(err, c.Remove(context.WithoutCancel(ctx), id, true))
	}
	return c.endGroup(ctx, member(id, g.Names()[0])) // one may have ended before the last began
}

// checkGroup refuses a group before anything of it is made.
func (c *Containerizer) checkGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group) error {
	if g == nil {
		return fmt.Errorf("%w: the group is nil", mctr.ErrInvalid)
	}
	if err := g.Validate(); err != nil {
		return err
	}
	for _, name := range g.Names() {
		task := g.Tasks[name]
		c.completeConfig(member(id, name), &task)
		if err := errors.Join(checkNesting(member(id, name), &task), c.Check(ctx, &task)); err != nil {
			return fmt.Errorf("task %s: %w", name, err)
		}
	}
	return nil
}

func member(group mctr.ContainerID, task string) mctr.ContainerID {
	return group + "." + mctr.ContainerID(task)
}

// endGroup ends the group that an ended container was a task of, if the group is
// to end now. It is called without locks, and leaves the clean-up to the process that watches
// the group or to its exit command.
func (c *Containerizer) endGroup(ctx context.Context, id mctr.ContainerID) error {
	group := id.Parent()
	if group == "" {
		return nil
	}
	r, err := c.handle(group).Record()
	if err != nil || len(r.Config.Process.Tasks) == 0 {
		return nil // the parent is no group, or gone
	}
	if !c.handle(group).Complete() {
		return nil // its launcher looks again
	}
	failed, all := c.tasksEnded(group, r.Config.Process.Tasks)
	switch {
	case c.handle(group).Stopped():
		return nil // the process that stops it ends it
	case failed != "":
		why := mctr.Limitation{Reason: mctr.ReasonTaskFailed, Message: "its task " + failed + " failed"}
		return c.killAll(ctx, group, why)
	case all:
		err = c.withShim(ctx, group, func(client *launcher.Client) error { return client.Ask(ctx, unix.SIGTERM) })
	}
	if errors.Is(err, mctr.ErrState) || errors.Is(err, mctr.ErrUnavailable) || errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	return err
}

// launchAbandoned reports whether a group's launch was cut off between two tasks.
func (c *Containerizer) launchAbandoned(r *store.Record) bool {
	if len(r.Config.Process.Tasks) == 0 {
		return false
	}
	if s, err := c.handle(r.ID).State(); err != nil || s.Complete { // what cannot be read may be complete
		return false
	}
	busy, err := flock.Held(c.handle(r.ID).GroupLock())
	return err == nil && !busy
}

// tasksEnded names a task that failed by itself, and says whether all have ended.
func (c *Containerizer) tasksEnded(group mctr.ContainerID, tasks []string) (failed string, all bool) {
	all = true
	for _, name := range tasks {
		phase, err := c.handle(member(group, name)).Phase()
		if errors.Is(err, mctr.ErrNotFound) {
			continue // it was removed after its exit
		}
		t, ended := c.handle(member(group, name)).Termination()
		if err != nil || ended != nil || phase != mctr.Exited || t == nil {
			all = false
			continue
		}
		if t.Failed() && t.Reason != mctr.ReasonParentEnded {
			failed = name
		}
	}
	return failed, all
}
