package ending

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// Remove removes an ended container with its log and files. With force a running
// one is destroyed first, and no policy starts it again; otherwise the error
// wraps mctr.ErrState. An error says what stays, and a second call tries again.
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
	defer lock.Unlock() // closing a lock file cannot fail usefully
	phase, err := e.Store.Container(id).Phase()
	if err == nil && e.Store.Container(id).MayRun(phase) {
		return false, nil
	}
	return true, e.Releaser.Purge(ctx, id)
}

func stillRuns(id mctr.ContainerID, phase mctr.Phase) error {
	return fmt.Errorf("%w: container %s is %s: stop it first, or remove it by force", mctr.ErrState, id.Short(), phase)
}

// endToRemove ends a container that runs or is about to, by its policy too.
func (e *Ender) endToRemove(ctx context.Context, id mctr.ContainerID, phase mctr.Phase) error {
	_ = e.Store.Container(id).RecordStop(ctx) // where the disk is full, it is ended again
	if !phase.Launching() && !phase.Alive() && phase != mctr.Damaged {
		return nil
	}
	phase, err := e.launched(ctx, id)
	if errors.Is(err, store.ErrDamaged) {
		return nil // it cannot be said where its launch is to be taken back to: it is removed all the same
	}
	if err == nil && (phase.Alive() || phase == mctr.Damaged) {
		_, err = e.Destroy(ctx, id)
	}
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // its launch failed, or it removed itself
	}
	return err
}

// launched is the container's phase once no launch of it is under way: it waits
// for the launcher, and undoes the work of a dead one.
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
