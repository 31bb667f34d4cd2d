package ending

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"golang.org/x/sys/unix"
)

// Stop asks the container to end by its stop signal, and destroys it if it has
// not after timeout. What is nested in it is asked first, all at once, each by its
// own signal. One that is paused goes on behind its signal.
func (e *Ender) Stop(ctx context.Context, id mctr.ContainerID, sig unix.Signal,
	timeout time.Duration) (*mctr.Termination, error) {
	if err := e.Store.Container(id).RecordStop(ctx); err != nil && !e.Store.Container(id).Damaged() {
		return nil, err
	}
	if err := e.stopChildren(ctx, id, timeout); err != nil {
		return nil, err
	}
	if err := e.kill(ctx, id, sig, true); err != nil && !errors.Is(err, mctr.ErrState) &&
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
	_, err = e.Stop(ctx, id, e.Store.Container(id).StopSignal(), timeout)
	if errors.Is(err, mctr.ErrNotFound) || errors.Is(err, mctr.ErrState) {
		return nil // it ended meanwhile
	}
	return err
}
