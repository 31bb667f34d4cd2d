package containerizer

import (
	"context"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// adoptTime is how long Recover waits for one shim to answer. Shims answer within a
// millisecond; the margin is for a busy host. One that takes longer is waited for
// beside everything else.
const adoptTime = time.Second

// adopt watches a running container. One that ends meanwhile has ended while no process
// watched. One whose shim lives and does not answer (it was stopped, or the host is
// overloaded) may be as well as ever: it is left alone until the shim answers or is gone.
func (c *Containerizer) adopt(ctx context.Context, r *store.Record, found *Recovered) error {
	err := c.rewatch(ctx, r)
	if err == nil {
		found.Adopted = append(found.Adopted, r.ID)
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	alive, unknown := c.handle(r.ID).Supervised()
	switch {
	case unknown != nil:
		return unknown
	case !alive, c.ending(r.ID): // a shim that leaves has closed its socket first
		return c.recoverEnd(ctx, r.ID, found)
	}
	c.log.Warn("the supervisor does not answer", "container", r.ID, "error", err)
	found.Unanswered = append(found.Unanswered, r.ID)
	unanswered, err := c.handle(r.ID).Run()
	if err != nil {
		return err
	}
	c.watchers.Go(func() { c.awaitAnswer(c.ctx, r, unanswered) })
	return nil
}

// rewatch watches a container that another process launched.
func (c *Containerizer) rewatch(ctx context.Context, r *store.Record) error {
	bounded, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	client, err := c.dial(bounded, r.ID)
	if err != nil {
		return err
	}
	c.watch(r, client, true, nil)
	if err := c.recoverUpdate(ctx, r); err != nil {
		c.log.Error("finish an update", "container", r.ID, "error", err)
	}
	return nil
}

// awaitAnswer watches the container as soon as its shim answers. Where the shim has gone
// instead, it releases the container. Meanwhile another process may have released this run,
// and started the container again or given its id to another one, which are not this
// agent's to watch.
func (c *Containerizer) awaitAnswer(ctx context.Context, r *store.Record, unanswered *store.Run) {
	for pause := adoptTime; ; pause = min(2*pause, time.Minute) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if run, err := c.handle(r.ID).Run(); err == nil && !run.Is(unanswered) {
			return
		}
		if c.rewatch(ctx, r) == nil {
			c.log.Info("the supervisor answers again", "container", r.ID)
			return
		}
		if alive, err := c.handle(r.ID).Supervised(); alive || err != nil || ctx.Err() != nil {
			continue
		}
		if err := c.recoverEnd(ctx, r.ID, &Recovered{Ended: map[mctr.ContainerID]*mctr.Termination{}}); err != nil {
			c.log.Error("release", "container", r.ID, "error", err)
		}
		return
	}
}
