package containerizer

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
)

// keepWatch follows a launched container to its end and releases what it held,
// unless it was launched to be left alone.
func (l *launch) keepWatch() {
	if l.options.Detach {
		_ = l.client.Close()
		return
	}
	supervise := !l.record.Config.Restart.Never() && !l.options.Unsupervised
	l.watch(l.record, l.client, supervise, l.options.SecretEnv)
}

// watch has the isolators watch a running container, and follows it to its end;
// with supervise, and to the next, as its restart policy says. The secrets of its
// environment are kept for that alone.
func (c *Containerizer) watch(r *store.Record, client *launcher.Client, supervise bool, secrets []string) {
	id := r.ID
	ctx, cancel := context.WithCancel(c.ctx)
	c.observe(ctx, r)
	released := make(chan struct{})
	c.mu.Lock()
	c.watched[id] = released
	c.mu.Unlock()
	c.watchers.Go(func() {
		c.follow(c.ctx, id, client)
		cancel()
		c.unwatch(id, released)
		if supervise {
			c.restart(c.ctx, id, LaunchOptions{SecretEnv: secrets})
		}
	})
}

// observe begins to probe a container, and has the isolators watch it.
func (c *Containerizer) observe(ctx context.Context, r *store.Record) {
	for _, i := range c.isolators {
		if err := i.Watch(ctx, c.handleOf(r.ID), func(lim mctr.Limitation) { c.endByLimit(r.ID, lim) }); err != nil {
			c.log.Error("watch", "container", r.ID, "isolator", i.Name(), "error", err)
		}
	}
	c.probe(ctx, r)
}

// Watch probes a container, and has the isolators watch it, until it ends, and does
// no more than that: see WithWatchCommand.
func (c *Containerizer) Watch(ctx context.Context, id mctr.ContainerID) error {
	r, err := c.handle(id).Record()
	if err != nil {
		return err
	}
	client, err := c.dial(ctx, id)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.observe(ctx, r)
	_, err = client.Wait(ctx, false)
	return err
}

func (c *Containerizer) unwatch(id mctr.ContainerID, released chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.watched, id)
	close(released)
}

// follow waits for the end. A shim that is gone without a record is destroyed
// by its control group.
func (c *Containerizer) follow(ctx context.Context, id mctr.ContainerID, client *launcher.Client) {
	defer client.Close()
	_, err := client.Wait(ctx, true)
	if ctx.Err() != nil {
		return // this process leaves; the container does not
	}
	if err == nil {
		// unavailable: another process took over
		if err := client.Clean(ctx); err != nil && !errors.Is(err, mctr.ErrUnavailable) {
			c.log.Error("take over", "container", id, "error", err)
		}
		client.Gone(ctx, killTime/2) // it is about to; release sees to it otherwise
	}
	if err := c.Cleanup(ctx, id); err != nil {
		c.log.Error("release", "container", id, "error", err)
	}
}

// endByLimit ends a container that broke an isolator's limit, which is its reason.
func (c *Containerizer) endByLimit(id mctr.ContainerID, l mctr.Limitation) {
	c.log.Warn("limitation", "container", id, "reason", l.Reason, "message", l.Message)
	if err := c.killAll(c.ctx, id, l); err != nil {
		c.log.Error("destroy after a limitation", "container", id, "error", err)
	}
}
