package main

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// unifiedTree is where a hybrid host has cgroup v2 beside v1.
const unifiedTree = "/sys/fs/cgroup/unified"

// withoutUnified gives run a mount namespace in which the host is not hybrid,
// which crun refuses. A thread of its own keeps the namespace and starts every
// run, so that a run costs no more by it. The thread ends with ctx.
func withoutUnified(ctx context.Context, run func(context.Context) error) (func(context.Context) error, error) {
	runs, done := make(chan context.Context), make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is no use to others
		err := hideUnified()
		done <- err
		for err == nil {
			select {
			case c := <-runs:
				done <- run(c)
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := <-done; err != nil {
		return nil, err
	}
	return func(c context.Context) error {
		runs <- c
		return <-done
	}, nil
}

func hideUnified() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make it private: %w", err)
	}
	if err := unix.Unmount(unifiedTree, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s there: %w", unifiedTree, err)
	}
	return nil
}
