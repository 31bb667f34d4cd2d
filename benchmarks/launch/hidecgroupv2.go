package main

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// unifiedTree is the mount of cgroup v2 on a hybrid host, beside v1.
const unifiedTree = "/sys/fs/cgroup/unified"

// withoutUnified runs run in a mount namespace without the tree of cgroup v2, because crun refuses
// a hybrid host. One thread keeps the namespace and starts every run, so that a run does not cost
// more. The thread ends with ctx.
func withoutUnified(ctx context.Context, run func(context.Context) error) (func(context.Context) error, error) {
	runs, done := make(chan context.Context), make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: no other goroutine may use this thread
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
