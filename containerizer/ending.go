package containerizer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Wait returns how id ended, once it has. It may be called many times, by many,
// and by another process than the one that launched it. For a container that
// this process watches it returns when everything is released. ctx ends the
// call only. With --rm, a container that is gone by the time of the call is
// mctr.ErrNotFound.
func (c *Containerizer) Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.ender.Wait(ctx, id)
}

// Kill sends sig to the container's init. SIGKILL and the container's stop signal also
// record that it is to stay exited, whatever its restart policy says, until it is started
// on request. A container whose launch is under way gets them when it runs; for one whose
// restart is pending, the record is all. The error wraps mctr.ErrState if the container
// neither runs nor waits for its restart. A paused container gets a signal when it is
// resumed; its stop signal resumes it.
func (c *Containerizer) Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error {
	return c.ender.Kill(ctx, id, sig)
}

// Stop asks the container to exit by its stop signal, and destroys it if it has
// not after timeout. What is nested in it is asked first, all at once, each by its
// own signal. A paused container is resumed to hear its signal.
func (c *Containerizer) Stop(ctx context.Context, id mctr.ContainerID, sig unix.Signal,
	timeout time.Duration) (*mctr.Termination, error) {
	return c.ender.Stop(ctx, id, sig, timeout)
}

// Destroy ends the container and everything in it at once, nested ones first, releases what it
// held, and returns how it ended. A launch under way in this process is ended
// too. It is idempotent; concurrent calls get the same answer. The records stay:
// see Remove.
func (c *Containerizer) Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.ender.Destroy(ctx, id)
}

// Remove removes an ended container with its log and files. With force a running
// container is destroyed first, and no restart policy starts it again; otherwise the error
// wraps mctr.ErrState. An error says what stays, and a second call tries again.
func (c *Containerizer) Remove(ctx context.Context, id mctr.ContainerID, force bool) error {
	return c.ender.Remove(ctx, id, force)
}

// Cleanup releases what an ended container still holds, and removes it whole if
// its config says so. A container that runs is left alone; one whose shim is
// lost is ended first. It is idempotent, and no error for an unknown id. An
// error says what stays; a second call tries again.
func (c *Containerizer) Cleanup(ctx context.Context, id mctr.ContainerID) error {
	return c.ender.Cleanup(ctx, id)
}

// CleanupEnded releases every container that has ended, was lost or abandoned,
// and that no process is busy with. What cannot be released is in the error and is
// tried again at the next call.
func (c *Containerizer) CleanupEnded(ctx context.Context) error { return c.ender.CleanupEnded(ctx) }
