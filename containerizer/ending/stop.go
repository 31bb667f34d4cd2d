package ending

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mctr/mctr"
)

// Stop asks the container to exit, and destroys it after a timeout: see containerizer's Stop.
func (e *Ender) Stop(ctx context.Context, id mctr.ContainerID, o mctr.StopOptions) (*mctr.Termination, error) {
	if err := e.Store.Container(id).RecordStop(ctx); err != nil && !e.Store.Container(id).Damaged() {
		return nil, err
	}
	timeout := e.stopTime(id, o.Timeout)
	if err := e.stopChildren(ctx, id, timeout); err != nil {
		return nil, err
	}
	if o.Signal == 0 {
		o.Signal = e.Store.Container(id).StopSignal()
	}
	if err := e.kill(ctx, id, o.Signal, true); err != nil && !errors.Is(err, mctr.ErrState) &&
		!errors.Is(err, mctr.ErrUnavailable) {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t, err := e.Wait(bounded, id)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return t, err
	}
	return e.Destroy(ctx, id)
}

// stopTime returns the timeout that the caller asked for, or else the container's own.
func (e *Ender) stopTime(id mctr.ContainerID, asked *time.Duration) time.Duration {
	switch {
	case asked != nil && *asked < 0:
		return mctr.Forever
	case asked != nil:
		return *asked
	}
	r, err := e.Store.Container(id).Record()
	if err != nil {
		return mctr.DefaultStopTime // the container's record is damaged
	}
	return r.Config.StopTime()
}

// stopChildren stops what is nested in id, all at once.
func (e *Ender) stopChildren(ctx context.Context, id mctr.ContainerID, timeout time.Duration) error {
	children, err := e.Store.Children(id)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, len(children))
	for i, child := range children {
		all.Go(func() { errs[i] = e.stopChild(ctx, child, timeout) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (e *Ender) stopChild(ctx context.Context, id mctr.ContainerID, timeout time.Duration) error {
	phase, err := e.Store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) || err == nil && !phase.Alive() {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = e.Stop(ctx, id, mctr.StopOptions{Timeout: &timeout})
	if errors.Is(err, mctr.ErrNotFound) || errors.Is(err, mctr.ErrState) {
		return nil // it exited meanwhile
	}
	return err
}
