package engine

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// WaitStatus is how a process ended.
type WaitStatus struct {
	Code   int // as a shell gives it: 128+n after signal n
	Signal int // 0: ended by itself
}

// StatusOf returns the kernel's status of a process that has ended as a WaitStatus.
func StatusOf(s unix.WaitStatus) WaitStatus {
	if s.Signaled() {
		return WaitStatus{Code: 128 + int(s.Signal()), Signal: int(s.Signal())}
	}
	return WaitStatus{Code: s.ExitStatus()}
}

// WaitFor reaps the child pid and returns how it ended.
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
