package containerizer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// wakeTime is how long a shim may take to make its directory again.
const wakeTime = 3 * time.Second

// dial connects to the container's shim. One whose directory in STATE was deleted is told
// to make it again. The error wraps mctr.ErrUnavailable where no shim answers.
func (c *Containerizer) dial(ctx context.Context, id mctr.ContainerID) (*launcher.Client, error) {
	client, err := launcher.Dial(ctx, c.handle(id).StateDir())
	if !errors.Is(err, mctr.ErrUnavailable) {
		return client, err
	}
	if again := c.wakeShim(ctx, id); again != nil {
		return nil, errors.Join(err, again)
	}
	return launcher.Dial(ctx, c.handle(id).StateDir())
}

// wakeShim has a living shim make its directory in STATE again, if it is gone: SIGHUP has
// it look. The error wraps mctr.ErrUnavailable where that is not what is wrong.
func (c *Containerizer) wakeShim(ctx context.Context, id mctr.ContainerID) error {
	if alive, err := launcher.Alive(c.handle(id).StateDir()); alive || err != nil {
		return fmt.Errorf("%w: container %s: its supervisor holds its lock and does not answer", mctr.ErrUnavailable,
			id.Short())
	}
	pid, err := c.shimPid(id)
	if err != nil || pid == 0 {
		return fmt.Errorf("%w: container %s has no supervisor", mctr.ErrUnavailable, id.Short())
	}
	if err := c.sendSIGHUP(id, pid); err != nil {
		return fmt.Errorf("%w: tell the supervisor (pid %d): %w", mctr.ErrUnavailable, pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	for ctx.Err() == nil {
		if alive, err := launcher.Alive(c.handle(id).StateDir()); alive || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("%w: container %s: its supervisor (pid %d) did not make its directory again", mctr.ErrUnavailable,
		id.Short(), pid)
}

// sendSIGHUP sends SIGHUP to the container's shim. The pid may be another process' by now, which
// the signal would end: so it is held by a descriptor while the shim is looked up again.
func (c *Containerizer) sendSIGHUP(id mctr.ContainerID, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) // closing a pidfd cannot fail usefully
	if now, err := c.shimPid(id); err != nil || now != pid {
		return errors.Join(unix.ESRCH, err)
	}
	return unix.PidfdSendSignal(fd, unix.SIGHUP, nil, 0)
}
