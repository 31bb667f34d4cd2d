package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
)

// Pause freezes the container's processes, and Resume thaws them. For the root of a group
// it freezes all tasks of the group; other nested containers keep running.
func (c *Containerizer) Pause(ctx context.Context, id mctr.ContainerID) error {
	f := freezer{c.store, c.shims}
	return f.ofGroup(id, func(id mctr.ContainerID) error {
		return f.freeze(ctx, id, mctr.EventPause, (*launcher.Client).Pause)
	})
}

// Resume undoes Pause. The root of a group is also resumed with the first of its tasks.
func (c *Containerizer) Resume(ctx context.Context, id mctr.ContainerID) error {
	f := freezer{c.store, c.shims}
	err := f.ofGroup(id, func(id mctr.ContainerID) error {
		return f.freeze(ctx, id, mctr.EventUnpause, (*launcher.Client).Resume)
	})
	if err != nil {
		return err
	}
	return f.resumeRoot(ctx, id)
}

// A freezer freezes and thaws the processes of containers.
type freezer struct {
	store *store.Store
	shims *shims.Shims
}

func (f freezer) freeze(ctx context.Context, id mctr.ContainerID, event string,
	verb func(*launcher.Client, context.Context) error) error {
	err := f.shims.With(ctx, id, func(client *launcher.Client) error { return verb(client, ctx) })
	if err == nil {
		f.store.Container(id).Emit(event, nil)
	}
	return err
}

// ofGroup calls do for a container and, if it is the root of a group, for the tasks. An error is
// ignored for containers that have exited or are in the wanted state, as long as do succeeded
// for one.
func (f freezer) ofGroup(id mctr.ContainerID, do func(mctr.ContainerID) error) error {
	r, err := f.store.Container(id).Record()
	if err != nil {
		return err
	}
	root := do(id)
	if root != nil && !errors.Is(root, mctr.ErrState) {
		return root
	}
	var errs []error
	for _, name := range r.Config.Process.Tasks {
		switch err := do(id.Task(name)); {
		case err == nil:
			root = nil
		case !errors.Is(err, mctr.ErrState) && !errors.Is(err, mctr.ErrNotFound):
			errs = append(errs, fmt.Errorf("task %s: %w", name, err))
		}
	}
	return errors.Join(append(errs, root)...)
}

// resumeRoot resumes the root of a group with one of its tasks, because the root waits for the tasks' exits.
func (f freezer) resumeRoot(ctx context.Context, task mctr.ContainerID) error {
	r, err := f.store.Container(task.Parent()).Record()
	if task.Parent() == "" || err != nil || len(r.Config.Process.Tasks) == 0 {
		return nil
	}
	if err := f.freeze(ctx, r.ID, mctr.EventUnpause, (*launcher.Client).Resume); !errors.Is(err, mctr.ErrState) {
		return err
	}
	return nil
}
