package containerizer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// Wait returns how id ended, once it has. It may be called many times, by many,
// and by another process than the one that launched it. For a container that
// this process watches it returns when everything is released. ctx ends the
// call only. With --rm, a container that is gone by the time of the call is
// mctr.ErrNotFound.
func (c *Containerizer) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	var last *mctr.Termination
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		t, err := c.waitOnce(ctx, id)
		if t != nil {
			last = t
		}
		if err == nil && t != nil {
			return t, c.waitReleased(ctx, id)
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
func (c *Containerizer) waitOnce(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	phase, err := c.handle(id).Phase()
	if err != nil {
		return nil, err
	}
	switch phase {
	case mctr.Exited, mctr.Destroying:
		return c.handle(id).Termination()
	case mctr.Lost:
		return nil, c.Cleanup(ctx, id)
	}
	client, err := c.dial(ctx, id)
	if errors.Is(err, mctr.ErrUnavailable) && phase == mctr.Damaged {
		return c.endOfDamaged(id, err)
	}
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Wait(ctx, false)
}

// endOfDamaged is how a container ended whose records do not tell, once its shim is gone.
func (c *Containerizer) endOfDamaged(id mctr.ContainerID, unreachable error) (*mctr.Termination, error) {
	if alive, err := c.handle(id).Supervised(); alive || err != nil {
		return nil, errors.Join(unreachable, err)
	}
	return unseenEnd(mctr.ReasonShimLost, "its records are damaged, so its exit status is unknown"), nil
}

func (c *Containerizer) waitReleased(ctx context.Context, id mctr.ContainerID) error {
	c.mu.Lock()
	released := c.watched[id]
	c.mu.Unlock()
	if released == nil {
		return nil
	}
	select {
	case <-released:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the release of container %s: %w", id, context.Cause(ctx))
	}
}

// Kill sends sig to the container's init. SIGKILL and the container's stop signal
// say that it is to stay ended, whatever its restart policy, until somebody starts
// it; one whose launch is under way gets them when it runs, and for one that waits to
// be started again that is all. The error wraps mctr.ErrState when it neither runs
// nor does that. A paused container gets a signal when it is resumed; its stop signal
// resumes it.
func (c *Containerizer) Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error {
	return c.kill(ctx, id, sig, sig == c.stopSignalOf(id))
}

// kill is Kill by a signal that may be meant as the request to end. A paused container
// goes on behind that, to hear it.
func (c *Containerizer) kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal, ends bool) error {
	rested, err := c.recordKill(ctx, id, sig)
	if err != nil && !c.damaged(id) {
		return err
	}
	phase, _ := c.handle(id).Phase() // of one that is gone the shim tells
	err = c.withShim(ctx, id, func(client *launcher.Client) error {
		if ends {
			return client.Ask(ctx, sig)
		}
		return client.Signal(ctx, sig, false)
	})
	if rested && errors.Is(err, mctr.ErrState) {
		return nil
	}
	if err != nil {
		return err
	}
	c.handle(id).Emit(mctr.EventKill, map[string]string{"signal": strconv.Itoa(int(sig))})
	if ends && phase == mctr.Paused {
		c.handle(id).Emit(mctr.EventUnpause, nil)
	}
	return nil
}

// Attach joins the container's streams.
func (c *Containerizer) Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	client, err := c.dial(ctx, id)
	if err != nil {
		return nil, err
	}
	stream, err := client.Attach(ctx, a)
	if err != nil {
		_ = client.Close()
	}
	return stream, err
}

// withShim does something with the shim of a container that runs. One that ends
// meanwhile does not run.
func (c *Containerizer) withShim(ctx context.Context, id mctr.ContainerID, do func(*launcher.Client) error) error {
	if err := c.mustRun(id); err != nil {
		return err
	}
	client, err := c.dial(ctx, id)
	if err == nil {
		defer client.Close()
		err = do(client)
	}
	return c.endedMeanwhile(id, err)
}

// endedMeanwhile is err, or where the shim went away because its container ended, that.
func (c *Containerizer) endedMeanwhile(id mctr.ContainerID, err error) error {
	if !errors.Is(err, mctr.ErrUnavailable) {
		return err
	}
	if ended := c.mustRun(id); ended != nil {
		return ended
	}
	return err
}

func (c *Containerizer) mustRun(id mctr.ContainerID) error {
	phase, err := c.handle(id).Phase()
	if err == nil && !phase.Alive() && phase != mctr.Damaged { // whose shim may answer all the same
		err = fmt.Errorf("%w: container %s is not running: it is %s", mctr.ErrState, id.Short(), phase)
	}
	return err
}
