package containerizer

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/supervise"
)

// Runs hand the streams of a container's restarts to a caller in the foreground.
type Runs = supervise.Runs

// Exited releases a container that has exited, as Cleanup does, and then makes the restart that
// the container's policy asks for, if any. It returns once the container runs again, or is not to
// be restarted. Exit commands call it.
func (c *Containerizer) Exited(ctx context.Context, id mctr.ContainerID) error {
	err := c.Cleanup(ctx, id)
	c.supervise.Follow(ctx, id)
	return err
}

// Watch runs the container's probes, and the watching of its isolators, until the container
// exits. It does nothing else: see WithWatchCommand.
func (c *Containerizer) Watch(ctx context.Context, id mctr.ContainerID) error {
	return c.supervise.Watch(ctx, id)
}

// startByPolicy starts a container for the supervisor that follows its restart policy.
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
