package cni

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/flock"
)

// lockWithoutOrphans locks an attachment once the plugins of a caller that died have exited: a
// plugin that still runs its ADD could make something after DEL, which would never be removed. It
// kills plugins that do not exit in time.
func (n *Networks) lockWithoutOrphans(ctx context.Context, a *Attachment) (*flock.Lock, error) {
	lock, err := lockWithin(ctx, lockOf(n.path(a)))
	if err == nil || ctx.Err() != nil {
		return lock, err
	}
	for _, pid := range orphans(lockOf(n.path(a))) {
		n.log.Warn("killing a plugin whose caller has died", "container", a.Container, "network", a.Network, "pid", pid)
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return lockWithin(ctx, lockOf(n.path(a)))
}

func lockWithin(ctx context.Context, path string) (*flock.Lock, error) {
	bounded, cancel := context.WithTimeout(ctx, orphanTime)
	defer cancel()
	lock, err := flock.Exclusive(bounded, path)
	if err != nil {
		return nil, fmt.Errorf("wait for the plugins that an earlier mctr started: %w", err)
	}
	return lock, nil
}

// orphans returns the plugins that have the lock open, and the processes that they started. It does
// not return processes of mctr that wait for the lock.
func orphans(lock string) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, lockFD))
		if err != nil || to != lock {
			continue
		}
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(environment, []byte("CNI_COMMAND=")) {
			pids = append(pids, pid)
		}
	}
	return pids
}
