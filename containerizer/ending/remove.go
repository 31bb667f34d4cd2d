package ending

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// Remove removes an exited container with its log and files: see containerizer's Remove.
func (e *Ender) Remove(ctx context.Context, id mctr.ContainerID, force bool) error {
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("remove container %s: %w", id.Short(), context.Cause(ctx))
		}
		phase, err := e.Store.Container(id).Phase()
		if err != nil {
			return err
		}
		if force {
			err = e.endToRemove(ctx, id, phase)
		} else if phase.Launching() || e.Store.Container(id).MayRun(phase) {
			err = stillRuns(id, phase)
		}
		if err != nil {
			return err
		}
		if removed, err := e.removeEnded(ctx, id); removed || err != nil {
			return err
		}
	}
}

// removeEnded removes the container, unless another process started it meanwhile.
func (e *Ender) removeEnded(ctx context.Context, id mctr.ContainerID) (removed bool, err error) {
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return false, err
	}
	defer lock.Unlock()
	phase, err := e.Store.Container(id).Phase()
	if err == nil && e.Store.Container(id).MayRun(phase) {
		return false, nil
	}
	return true, e.Releaser.Purge(ctx, id)
}

func stillRuns(id mctr.ContainerID, phase mctr.Phase) error {
	return fmt.Errorf("%w: container %s is %s: stop it first, or remove it by force", mctr.ErrState, id.Short(), phase)
}

// endToRemove destroys a container that runs, is being launched or awaits a restart.
func (e *Ender) endToRemove(ctx context.Context, id mctr.ContainerID, phase mctr.Phase) error {
	_ = e.Store.Container(id).RecordStop(ctx) // on a full disk a restarted container is destroyed again
	if !phase.Launching() && !phase.Alive() && phase != mctr.Damaged {
		return nil
	}
	phase, err := e.launched(ctx, id)
	if errors.Is(err, store.ErrDamaged) {
		return nil // its state does not say how to undo its launch: it is removed nevertheless
	}
	if err == nil && (phase.Alive() || phase == mctr.Damaged) {
		_, err = e.Destroy(ctx, id)
	}
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // its launch failed, or it removed itself
	}
	return err
}

// launched returns the container's phase once no launch of it is under way: it waits for a living
// launcher, and undoes the launch of a dead one.
func (e *Ender) launched(ctx context.Context, id mctr.ContainerID) (mctr.Phase, error) {
	for {
		phase, err := e.Store.Container(id).Phase()
		if err != nil || !phase.Launching() {
			return phase, err
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("wait for the launch of container %s: %w", id.Short(), context.Cause(ctx))
		}
		if err := e.Cleanup(ctx, id); err != nil {
			return "", err
		}
	}
}
