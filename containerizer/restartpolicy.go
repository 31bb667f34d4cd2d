package containerizer

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/supervise"
)

// Runs hand the streams of a container's restarts to a caller in the foreground.
type Runs = supervise.Runs

// Exited releases a container that has exited, as Cleanup does, and then makes the restart
// that the container's policy asks for, if any: it returns when the container runs again, or
// is not to. Exit commands call it.
func (c *Containerizer) Exited(ctx context.Context, id mctr.ContainerID) error {
	err := c.Cleanup(ctx, id)
	c.supervise.Follow(ctx, id)
	return err
}

// Watch probes a container, and has the isolators watch it, until it exits, and does no
// more than that: see WithWatchCommand.
func (c *Containerizer) Watch(ctx context.Context, id mctr.ContainerID) error {
	return c.supervise.Watch(ctx, id)
}

// startByPolicy starts a container as the follower of its restart policy asks.
func startByPolicy(ctx context.Context, c *Containerizer, id mctr.ContainerID, r supervise.Restart) error {
	o := LaunchOptions{SecretEnv: r.SecretEnv, Detach: r.Detach, Runs: r.Runs, restart: &r}
	if r.Runs != nil {
		o.Attach = &r.Runs.Attach
		if r.Runs.Size != nil {
			o.ConsoleSize = r.Runs.Size()
		}
	}
	stream, err := c.Start(ctx, id, o)
	if err == nil && stream != nil {
		r.Runs.Deliver(ctx, stream)
	}
	return err
}
