package containerizer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

func (c *Containerizer) stopSignalOf(id mctr.ContainerID) unix.Signal {
	sig, err := signal.ParseSignal(c.handle(id).Resolved().StopSignal)
	if err != nil {
		return unix.SIGTERM
	}
	return sig
}

// stopChildren stops what is nested in id, all at once.
func (c *Containerizer) stopChildren(ctx context.Context, id mctr.ContainerID, timeout time.Duration) error {
	children, err := c.Children(id)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, len(children))
	for i, child := range children {
		all.Go(func() { errs[i] = c.stopChild(ctx, child, timeout) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *Containerizer) stopChild(ctx context.Context, id mctr.ContainerID, timeout time.Duration) error {
	phase, err := c.handle(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) || err == nil && !phase.Alive() {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = c.Stop(ctx, id, c.stopSignalOf(id), timeout)
	if errors.Is(err, mctr.ErrNotFound) || errors.Is(err, mctr.ErrState) {
		return nil // it ended meanwhile
	}
	return err
}
