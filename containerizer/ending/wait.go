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

// Wait returns how id ended, once it has. It may be called many times, by many,
// and by another process than the one that launched it. For a container that
// this process watches it returns when everything is released. ctx ends the
// call only. With --rm, a container that is gone by the time of the call is
// mctr.ErrNotFound.
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

// waitOnce asks the record, or the shim. A shim that is gone is
// mctr.ErrUnavailable: the record follows, or the loss shows.
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

// endOfDamaged is how a container ended whose records do not tell, once its shim is gone.
func endOfDamaged(c *store.Container, unreachable error) (*mctr.Termination, error) {
	if alive, err := c.Supervised(); alive || err != nil {
		return nil, errors.Join(unreachable, err)
	}
	return release.UnseenExit(mctr.ReasonShimLost, "its records are damaged, so its exit status is unknown"), nil
}
