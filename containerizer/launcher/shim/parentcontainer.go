package shim

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/proc"
)

// watchParent ends the container when the one it is nested in ends. nil is no parent.
func (s *Shim) watchParent(parent *wire.Parent) error {
	if parent == nil {
		return nil
	}
	pidfd, err := unix.PidfdOpen(parent.Pid, 0)
	if err != nil {
		return fmt.Errorf("%w: the parent %s has ended: %w", mctr.ErrState, parent.ID.Short(), err)
	}
	if !proc.Is(parent.Pid, parent.StartTime) { // asked after the descriptor was opened: now it is known whose it is
		return errors.Join(fmt.Errorf("%w: the parent %s has ended", mctr.ErrState, parent.ID.Short()),
			unix.Close(pidfd))
	}
	go func() {
		defer unix.Close(pidfd)
		awaitEnd(pidfd)
		// logged
		_ = s.destroy(
			mctr.Limitation{Reason: mctr.ReasonParentEnded,
				Message: fmt.Sprintf("its parent %s ended", parent.ID.Short())})
	}()
	return nil
}

// awaitEnd waits for the end of the pidfd's process.
func awaitEnd(pidfd int) {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(fds, -1); n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
