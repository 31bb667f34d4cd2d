package engine

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A WaitStatus tells how a process exited.
type WaitStatus struct {
	Code   int // as in a shell: 128+n after signal n
	Signal int // 0: not killed by a signal
}

// StatusOf converts the kernel's status of an exited process.
func StatusOf(s unix.WaitStatus) WaitStatus {
	if s.Signaled() {
		return WaitStatus{Code: 128 + int(s.Signal()), Signal: int(s.Signal())}
	}
	return WaitStatus{Code: s.ExitStatus()}
}

// WaitFor reaps the child pid and returns how it exited.
func WaitFor(pid int) (WaitStatus, error) {
	var s unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &s, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return WaitStatus{}, fmt.Errorf("wait for process %d: %w", pid, err)
		}
		return StatusOf(s), nil
	}
}
