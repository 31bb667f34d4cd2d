package containerizer

import (
	"context"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
)

// adoptTime is how long Recover waits for one shim to answer. Shims answer within a
// millisecond; the margin is for a busy host. Recover goes on without a shim that takes
// longer, and a goroutine waits for it.
const adoptTime = time.Second

// adopt watches a running container that an earlier process launched. A container that exits
// meanwhile is released as one that exited unwatched. A shim that lives and does not answer
// (it was stopped, or the host is overloaded) may be healthy: adopt leaves its container
// alone until the shim answers or dies.
func (c *recovery) adopt(ctx context.Context, r *store.Record) error {
	err := c.rewatch(ctx, r)
	if err == nil {
		c.found.Adopted = append(c.found.Adopted, r.ID)
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	alive, unknown := c.store.Container(r.ID).Supervised()
	switch {
	case unknown != nil:
		return unknown
	case !alive, c.shims.Leaving(r.ID): // a shim closes its socket before it exits
		return c.recoverEnd(ctx, r.ID)
	}
	c.log.Warn("the supervisor does not answer", "container", r.ID, "error", err)
	c.found.Unanswered = append(c.found.Unanswered, r.ID)
	unanswered, err := c.store.Container(r.ID).Run()
	if err != nil {
		return err
	}
	c.supervise.Go(func(ctx context.Context) { c.awaitAnswer(ctx, r, unanswered) })
	return nil
}

// rewatch watches a container that another process launched.
func (c *recovery) rewatch(ctx context.Context, r *store.Record) error {
	bounded, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	client, err := c.shims.Dial(bounded, r.ID)
	if err != nil {
		return err
	}
	c.supervise.Supervise(r, client, supervise.Options{})
	if err := c.updater.Recover(ctx, r); err != nil {
		c.log.Error("finish an update", "container", r.ID, "error", err)
	}
	return nil
}

// awaitAnswer watches the container as soon as its shim answers, or releases it once the
// shim is dead. Meanwhile another process may have released this run and started the
// container again, or given its id to another container: awaitAnswer leaves those alone.
func (c *recovery) awaitAnswer(ctx context.Context, r *store.Record, unanswered *store.Run) {
	for pause := adoptTime; ; pause = min(2*pause, time.Minute) {
		select {
		case <-ctx.Done():
			return
		case <-c.clock.After(pause):
		}
		if run, err := c.store.Container(r.ID).Run(); err == nil && !run.Is(unanswered) {
			return
		}
		if c.rewatch(ctx, r) == nil {
			c.log.Info("the supervisor answers again", "container", r.ID)
			return
		}
		if alive, err := c.store.Container(r.ID).Supervised(); alive || err != nil || ctx.Err() != nil {
			continue
		}
		late := &recovery{Containerizer: c.Containerizer,
			found: &Recovered{Ended: map[mctr.ContainerID]*mctr.Termination{}}}
		if err := late.recoverEnd(ctx, r.ID); err != nil {
			c.log.Error("release", "container", r.ID, "error", err)
		}
		return
	}
}
