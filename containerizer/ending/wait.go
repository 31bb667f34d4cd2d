package ending

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/release"
	"github.com/mctr/mctr/containerizer/store"
)

// Wait returns how the container ended, once it has exited: see containerizer's Wait.
func (e *Ender) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	var last *mctr.Termination
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		t, err := e.waitOnce(ctx, id)
		if t != nil {
			last = t
		}
		if err == nil && t != nil {
			return t, e.Supervisor.AwaitRelease(ctx, id)
		}
		if errors.Is(err, mctr.ErrNotFound) && last != nil {
			return last, nil
		}
		if err != nil && !errors.Is(err, mctr.ErrUnavailable) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for container %s: %w", id, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// waitOnce reads the record, or else asks the shim. If the shim is gone the error wraps
// mctr.ErrUnavailable: the record appears soon, or the container is lost.
func (e *Ender) waitOnce(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	phase, err := e.Store.Container(id).Phase()
	if err != nil {
		return nil, err
	}
	switch phase {
	case mctr.Exited, mctr.Destroying:
		return e.Store.Container(id).Termination()
	case mctr.Lost:
		return nil, e.Cleanup(ctx, id)
	}
	client, err := e.Shims.Dial(ctx, id)
	if errors.Is(err, mctr.ErrUnavailable) && phase == mctr.Damaged {
		return endOfDamaged(e.Store.Container(id), err)
	}
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Wait(ctx, false)
}

// endOfDamaged returns the termination of a container with unreadable records, once its shim is gone.
func endOfDamaged(c *store.Container, unreachable error) (*mctr.Termination, error) {
	if alive, err := c.Supervised(); alive || err != nil {
		return nil, errors.Join(unreachable, err)
	}
	return release.UnseenExit(mctr.ReasonShimLost, "its records are damaged, so its exit status is unknown"), nil
}
