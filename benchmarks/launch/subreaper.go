package main

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// becomeSubreaper makes this process the parent of orphaned descendants, so that their time is
// counted here when they exit.
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of orphans: %w", err)
	}
	return nil
}

// drain waits until no descendant is left. Other goroutines that wait for a child then get ECHILD:
// the callers of os/exec have got their answer before, and package launcher ignores the error.
func drain() error {
	for {
		_, err := unix.Wait4(-1, nil, 0, nil)
		switch {
		case errors.Is(err, unix.ECHILD):
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for descendants: %w", err)
		}
	}
}

// spent returns the user and system time of all descendants that have been waited for and, with
// self, of this process.
func spent(self bool) (time.Duration, error) {
	who := []int{unix.RUSAGE_CHILDREN}
	if self {
		who = append(who, unix.RUSAGE_SELF)
	}
	var sum time.Duration
	for _, w := range who {
		var u unix.Rusage
		if err := unix.Getrusage(w, &u); err != nil {
			return 0, fmt.Errorf("getrusage: %w", err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum, nil
}
