package containerizer

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Wait returns how the container ended, once it has exited. Any number of callers may wait,
// in any process. For a container that this process watches, Wait returns once everything is
// released. ctx ends the call only. For a container that was already removed, as by its
// config's remove, the error wraps mctr.ErrNotFound.
func (c *Containerizer) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.ender.Wait(ctx, id)
}

// Kill sends sig to the container's init. SIGKILL and the container's stop signal also record
// that the container is to stay exited, whatever its restart policy says, until a caller starts
// it. If its launch is under way, Kill waits and sends the signal once the container runs; if
// its restart is pending, the record is all. The error wraps mctr.ErrState if the container
// neither runs nor awaits a restart. A paused container receives the signal when it is resumed;
// its stop signal resumes it.
func (c *Containerizer) Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error {
	return c.ender.Kill(ctx, id, sig)
}

// Stop sends the container a signal that asks it to exit, and destroys the container if it has
// not exited by the timeout; by default these are the container's own signal and timeout.
// Nested containers are asked first, all at once, each by its own signal. A paused container is
// resumed, so that it receives the signal.
func (c *Containerizer) Stop(ctx context.Context, id mctr.ContainerID,
	o mctr.StopOptions) (*mctr.Termination, error) {
	return c.ender.Stop(ctx, id, o)
}

// Destroy kills the container and everything nested in it, nested containers first, releases
// what it held, and returns how it ended. It cancels a launch that is under way in this process.
// It is idempotent; concurrent calls return the same termination. The records stay: see Remove.
func (c *Containerizer) Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.ender.Destroy(ctx, id)
}

// Remove removes an exited container with its log and files. With force a running container is
// destroyed first, and its restart policy does not start it again; without, the error wraps
// mctr.ErrState. An error says what is left, and a second call tries again.
func (c *Containerizer) Remove(ctx context.Context, id mctr.ContainerID, force bool) error {
	return c.ender.Remove(ctx, id, force)
}

// Cleanup releases what an exited container still holds, and removes the container if its
// config says so. It leaves a running container alone, and kills one whose shim is lost. It is
// idempotent, and returns no error for an unknown id. An error says what is left; a second
// call tries again.
func (c *Containerizer) Cleanup(ctx context.Context, id mctr.ContainerID) error {
	return c.ender.Cleanup(ctx, id)
}

// CleanupEnded releases every container that has exited, was lost or was abandoned, unless
// another process holds its lock. The error says what could not be released; the next call
// tries again.
func (c *Containerizer) CleanupEnded(ctx context.Context) error { return c.ender.CleanupEnded(ctx) }
