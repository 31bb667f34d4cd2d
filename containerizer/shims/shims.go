// Package shims finds the shim of a container by the container's records, connects to it, wakes
// it, and kills it.
//
// It makes nothing on disk or in the kernel. A shim that is woken makes its directory in STATE
// itself.
package shims

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
)

const (
	// KillTime bounds the wait for a container's processes, or its shim, to die. A process
	// in uninterruptible sleep outlives it and is reported.
	KillTime = 10 * time.Second

	// wakeTime is how long a shim may take to make its directory again.
	wakeTime = 3 * time.Second
)

// Shims finds the shims of one store's containers.
type Shims struct{ Store *store.Store }

// Dial connects to the container's shim. It wakes a shim whose directory in STATE was deleted. The
// error wraps mctr.ErrUnavailable if no shim answers.
func (s *Shims) Dial(ctx context.Context, id mctr.ContainerID) (*launcher.Client, error) {
	dir := s.Store.Container(id).StateDir()
	client, err := launcher.Dial(ctx, dir)
	if !errors.Is(err, mctr.ErrUnavailable) {
		return client, err
	}
	if again := s.Wake(ctx, id); again != nil {
		return nil, errors.Join(err, again)
	}
	return launcher.Dial(ctx, dir)
}

// With calls do with a connection to the shim of a running container. The error wraps
// mctr.ErrState if the container does not run, or exits meanwhile.
func (s *Shims) With(ctx context.Context, id mctr.ContainerID, do func(*launcher.Client) error) error {
	if err := s.mustRun(id); err != nil {
		return err
	}
	client, err := s.Dial(ctx, id)
	if err == nil {
		defer client.Close()
		err = do(client)
	}
	return s.EndedMeanwhile(id, err)
}

// EndedMeanwhile returns err, the error of a request to the container's shim. If the shim
// went away because its container exited, it returns an error that wraps mctr.ErrState.
func (s *Shims) EndedMeanwhile(id mctr.ContainerID, err error) error {
	if !errors.Is(err, mctr.ErrUnavailable) {
		return err
	}
	if ended := s.mustRun(id); ended != nil {
		return ended
	}
	return err
}

func (s *Shims) mustRun(id mctr.ContainerID) error {
	phase, err := s.Store.Container(id).Phase()
	if err == nil && !phase.Alive() && phase != mctr.Damaged { // a damaged container may have a living shim
		err = fmt.Errorf("%w: container %s is not running: it is %s", mctr.ErrState, id.Short(), phase)
	}
	return err
}

// Wake has a living shim make its directory in STATE again, if the directory was deleted: SIGHUP
// makes the shim check. The error wraps mctr.ErrUnavailable if something else is wrong.
func (s *Shims) Wake(ctx context.Context, id mctr.ContainerID) error {
	dir := s.Store.Container(id).StateDir()
	if alive, err := launcher.Alive(dir); alive || err != nil {
		return fmt.Errorf("%w: container %s: its supervisor holds its lock and does not answer", mctr.ErrUnavailable,
			id.Short())
	}
	pid, err := s.Pid(id)
	if err != nil || pid == 0 {
		return fmt.Errorf("%w: container %s has no supervisor", mctr.ErrUnavailable, id.Short())
	}
	if err := s.sendSIGHUP(id, pid); err != nil {
		return fmt.Errorf("%w: tell the supervisor (pid %d): %w", mctr.ErrUnavailable, pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	for ctx.Err() == nil {
		if alive, err := launcher.Alive(dir); alive || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("%w: container %s: its supervisor (pid %d) did not make its directory again", mctr.ErrUnavailable,
		id.Short(), pid)
}

// sendSIGHUP sends SIGHUP to the container's shim. The kernel may have given the pid to another
// process by now, which the signal would kill: a pidfd pins the process while the shim is looked
// up again.
func (s *Shims) sendSIGHUP(id mctr.ContainerID, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) // closing a pidfd cannot fail usefully
	if now, err := s.Pid(id); err != nil || now != pid {
		return errors.Join(unix.ESRCH, err)
	}
	return unix.PidfdSendSignal(fd, unix.SIGHUP, nil, 0)
}

// Pid returns the pid of the container's shim: by the record of the run, by the shims' control group,
// or by the lock that the shim holds, if its launcher died before it could move the shim to that
// group. It returns 0 if no shim lives.
func (s *Shims) Pid(id mctr.ContainerID) (int, error) {
	c := s.Store.Container(id)
	if run, err := c.Run(); err == nil && run != nil && run.Supervised() {
		return run.ShimPid, nil
	}
	pids, err := cgroup.Pids(c.ShimCgroup())
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if launcher.Directory(pid) == c.StateDir() {
			return pid, nil
		}
	}
	return launcher.Holder(c.StateDir()), nil
}

// Kill kills the container's shim, if it lives, and waits until it is dead. A shim that has
// recorded the container's exit has half of KillTime to exit by itself.
func (s *Shims) Kill(id mctr.ContainerID) error {
	c := s.Store.Container(id)
	for deadline := time.Now().Add(KillTime); ; time.Sleep(time.Millisecond) {
		alive, err := c.Supervised()
		if err != nil || !alive {
			return err
		}
		pid, err := s.Pid(id)
		if err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("shim of container %s (pid %d) does not end", id, pid)
		}
		if pid == 0 || s.Leaving(id) && time.Until(deadline) > KillTime/2 {
			continue
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
}

// Leaving returns true if the shim has recorded the container's exit, after which it exits itself.
func (s *Shims) Leaving(id mctr.ContainerID) bool {
	t, err := s.Store.Container(id).Termination()
	return err == nil && t != nil
}
