// Package ownthread runs a function on a thread that is its alone, with what Linux
// keeps for each thread: namespaces, the umask, the signal mask. It creates nothing.
package ownthread

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Run runs f on a thread that ends with it and has namespaces (flags of
// unshare(2)) and a umask of 022 of its own, so that a directory that no layer
// describes gets the same mode whoever runs us. f must stay in its goroutine. It
// wraps ErrUnsupported when the kernel refuses the namespaces.
func Run(flags int, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- onOwnThread(flags, f) }()
	return <-done
}

// onOwnThread locks its goroutine to a thread for good. The process's first
// thread cannot end, and /proc/self shows its namespaces: it is left out.
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
