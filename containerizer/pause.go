package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Pause freezes the container's processes, Resume lets them go on. Of a group that is
// all its tasks; what is nested otherwise goes on.
func (c *Containerizer) Pause(ctx context.Context, id mctr.ContainerID) error {
	return c.ofGroup(id, func(id mctr.ContainerID) error {
		return c.freeze(ctx, id, mctr.EventPause, (*launcher.Client).Pause)
	})
}

// Resume undoes Pause.
func (c *Containerizer) Resume(ctx context.Context, id mctr.ContainerID) error {
	return c.ofGroup(id, func(id mctr.ContainerID) error {
		return c.freeze(ctx, id, mctr.EventUnpause, (*launcher.Client).Resume)
	})
}

func (c *Containerizer) freeze(ctx context.Context, id mctr.ContainerID, event string, verb func(*launcher.Client, context.Context) error) error {
	err := c.withShim(ctx, id, func(client *launcher.Client) error { return verb(client, ctx) })
	if err == nil {
		c.tellOf(id, event, nil)
	}
	return err
}

// ofGroup does something with a container and, of a group's root, with its tasks. One
// that has ended, or where that was done before, is fine as it is.
func (c *Containerizer) ofGroup(id mctr.ContainerID, do func(mctr.ContainerID) error) error {
	r, err := c.load(id)
	if err != nil {
		return err
	}
	errs := []error{do(id)}
	if errs[0] != nil {
		return errs[0]
	}
	for _, name := range r.Config.Process.Tasks {
		if err := do(member(id, name)); err != nil && !errors.Is(err, mctr.ErrState) && !errors.Is(err, mctr.ErrNotFound) {
			errs = append(errs, fmt.Errorf("task %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
