// Package ownthread runs a function on a thread of its own, with its own copy of what Linux keeps
// for each thread: namespaces, the umask, the signal mask. It creates nothing.
package ownthread

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Run runs f on a new thread, which ends with f. The thread has its own namespaces (flags of
// unshare(2)) and a umask of 022, so that a directory that no layer describes gets the same mode
// whatever the umask of the process. f must stay in its goroutine. The error wraps
// mctr.ErrUnsupported if the kernel refuses the namespaces.
func Run(flags int, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- onOwnThread(flags, f) }()
	return <-done
}

// onOwnThread locks its goroutine to a thread for good. It avoids the first thread of the process,
// which cannot end, and whose namespaces /proc/self shows.
func onOwnThread(flags int, f func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		return Run(flags, f)
	}
	if err := unix.Unshare(unix.CLONE_FS | flags); err != nil {
		return fmt.Errorf("%w: %w", mctr.ErrUnsupported, os.NewSyscallError("unshare", err))
	}
	unix.Umask(0o022)
	return f()
}
