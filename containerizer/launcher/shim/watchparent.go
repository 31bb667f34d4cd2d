package shim

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/proc"
)

// watchParent destroys the container when its parent container exits. A nil parent means a root
// container. It fails if the parent has already exited.
func (s *Shim) watchParent(parent *wire.Parent) error {
	if parent == nil {
		return nil
	}
	pidfd, err := unix.PidfdOpen(parent.Pid, 0)
	if err != nil {
		return fmt.Errorf("%w: the parent %s has ended: %w", mctr.ErrState, parent.ID.Short(), err)
	}
	// Checked after PidfdOpen, so that the descriptor is known to be the parent's.
	if !proc.Is(parent.Pid, parent.StartTime) {
		return errors.Join(fmt.Errorf("%w: the parent %s has ended", mctr.ErrState, parent.ID.Short()),
			unix.Close(pidfd))
	}
	go func() {
		defer unix.Close(pidfd)
		awaitEnd(pidfd)
		// destroy logs its error
		_ = s.destroy(mctr.Limitation{
			Reason: mctr.ReasonParentEnded, Message: fmt.Sprintf("its parent %s ended", parent.ID.Short()),
		})
	}()
	return nil
}

// awaitEnd waits until the process of pidfd has exited.
func awaitEnd(pidfd int) {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(fds, -1); n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
