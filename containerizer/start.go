package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Start launches a container that Create recorded, or launches a container that has exited
// once more: with the same image, files, sandbox and log, and new network attachments. After
// a launch that fails the container is as it was before. The error wraps mctr.ErrState if
// the container was neither created nor has exited.
func (c *Containerizer) Start(ctx context.Context, id mctr.ContainerID, o LaunchOptions) (*launcher.Stream, error) {
	steps := beginSteps(o.Step)
	r, err := c.store.Container(id).Record()
	if err != nil {
		return nil, err
	}
	l := &launch{Containerizer: c, record: r, options: o, steps: steps}
	if err := l.inParent(ctx); err != nil {
		return nil, err
	}
	defer l.leaveParent()
	if l.lock, err = c.store.Container(id).Lock(ctx); err != nil {
		return nil, err
	}
	// The container may have been renamed or updated before this process had the lock.
	if l.record, err = c.store.Container(id).RecordToChange(); err == nil {
		err = errors.Join(l.mayStart(ctx), checkShim(ctx, c, l.record.Config))
	}
	if err == nil {
		err = l.again(ctx)
	}
	if err != nil {
		l.lock.Unlock()
		return nil, err
	}
	return l.run(ctx)
}

// mayStart returns an error for the root of a group, because its tasks would stay exited; for
// a container that no process would look after; and for a restart of a container that was stopped.
func (l *launch) mayStart(ctx context.Context) error {
	if len(l.record.Config.Process.Tasks) > 0 {
		return fmt.Errorf("%w: container %s is the root of a group: run the group anew", mctr.ErrState,
			l.record.ID.Short())
	}
	if err := l.checkSupervised(); err != nil {
		return err
	}
	container := l.stored()
	if l.options.restart == nil {
		return container.WithdrawStop(ctx)
	}
	if container.Stopped() {
		return fmt.Errorf("%w: container %s was stopped", mctr.ErrState, l.record.ID.Short())
	}
	return nil
}

// again begins the launch of a container that was created or has exited. The record of that
// stays until the container runs, so that a launch that is undone leaves the container as it
// was.
func (l *launch) again(ctx context.Context) error {
	id := l.record.ID
	phase, err := l.stored().Phase()
	if err != nil {
		return err
	}
	switch phase {
	case mctr.Created:
	case mctr.Exited:
		if err := l.releaser.Release(ctx, id); err != nil {
			return err
		}
		streak := 0
		if l.options.restart != nil {
			streak = l.options.restart.Streak
		}
		if err := l.stored().Revive(ctx, streak); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: container %s is %s: only one that was created or has ended can be started",
			mctr.ErrState, id.Short(), phase)
	}
	state, err := l.stored().State()
	if err != nil {
		return err
	}
	l.pending, l.restarts = true, state.Restarts
	return l.stored().Begin()
}
