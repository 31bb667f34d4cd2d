package cephfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/tree"
)

// ErrForced is wrapped if a mount had to be ended by force, because the cluster did not answer: what was
// written last and not synced may be lost. The mount is gone.
var ErrForced = errors.New("unmounted by force, what was written last may be lost")

// unmount ends the mount, which no container has. It always returns: after a gentle attempt, force does
// not wait for the cluster. If something of the mount stays nevertheless, the record says so, and the
// error wraps mctr.ErrUnavailable.
func (mt *mount) unmount(ctx context.Context) error {
	dead := mt.look().State == Dead
	forced := mt.end(ctx)
	if len(forced) == 0 && dead && mt.Session != 0 && !mt.Evicted {
		mt.evict(ctx) // otherwise the next mount waits for what the dead client had locked
	}
	if err := mt.forget(); err != nil {
		evidence := append(forced, append(mt.evidence(), err.Error())...)
		var saved error
		if mt.unread == nil {
			saved = mt.update(func(r *record) { r.State, r.Evidence = quarantined, evidence })
		}
		return errors.Join(fmt.Errorf("%w: unmount %s: %s (mctr reconcile tries again)", mctr.ErrUnavailable, mt.Spec,
			strings.Join(evidence, "; ")), saved)
	}
	if len(forced) > 0 && !dead {
		return fmt.Errorf("%s: %w: %s", mt.Spec, ErrForced, strings.Join(forced, "; "))
	}
	return nil
}

// discard is unmount for a mount that was never used. Its client has locked nothing, and the cluster may
// not answer: its session is left to the timeout.
func (mt *mount) discard(ctx context.Context) error {
	mt.Evicted = true
	if err := mt.unmount(ctx); err != nil && !errors.Is(err, ErrForced) {
		return err
	}
	return nil
}

// end ends the mount and its client, and returns what it had to force.
func (mt *mount) end(ctx context.Context) (forced []string) {
	ctx = context.WithoutCancel(ctx)
	if mt.unread == nil {
		// Without the record, the mount point and the file alive still lead to what is to be ended.
		_ = mt.update(func(r *record) { r.State = unmounting })
	}
	if !mt.Fuse.alive() {
		mt.Fuse = mt.findFuse()
	}
	if mt.Session == 0 && mt.Fuse.alive() && !mt.Evicted {
		mt.Session = mt.askSession()
	}
	forced = append(forced, mt.endGently(ctx)...)
	if len(forced) == 0 {
		return nil
	}
	lost := mt.evidence()
	for _, force := range []func(context.Context) error{mt.forceUmount, mt.killFuse, mt.abort, mt.detach} {
		if err := force(ctx); err != nil {
			forced = append(forced, err.Error())
		}
	}
	if !mt.Fuse.alive() && !mt.Evicted {
		forced = append(forced, mt.evict(ctx))
	}
	return append(forced, lost...)
}

// endGently unmounts, and waits until ceph-fuse has written what it has cached. It returns why it did
// not succeed.
func (mt *mount) endGently(ctx context.Context) []string {
	device, err := mt.mountedDevice()
	if err != nil {
		return []string{err.Error()}
	}
	if device != "" {
		mt.Device = device
		if err := mt.umount(ctx, gentleTime, unix.UMOUNT_NOFOLLOW); errors.Is(err, unix.EBUSY) {
			err = mt.umount(ctx, gentleTime, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH) // a process of the host is in it
			if err != nil {
				return []string{err.Error()}
			}
		} else if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: it has just been unmounted
			return []string{err.Error()}
		}
	}
	if err := failpoint.Hit("cephfs/unmounted"); err != nil {
		return []string{err.Error()}
	}
	if device == "" && mt.Device == "" && mt.Fuse.alive() { // it has never mounted, and has nothing to write
		_ = unix.Kill(mt.Fuse.Pid, unix.SIGKILL)
		if mt.endsWithin(forceTime) && !mt.Evicted {
			mt.evict(ctx)
		}
	}
	if !mt.endsWithin(forceTime/4) && mt.inOtherNamespace() {
		// Its connection ends with the last mount. It writes what it has cached before it exits.
		_ = unix.Kill(mt.Fuse.Pid, unix.SIGTERM)
	}
	if !mt.endsWithin(mt.config.FlushTime) {
		return []string{
			fmt.Sprintf("ceph-fuse with pid %d has not ended %v after the unmount", mt.Fuse.Pid, mt.config.FlushTime)}
	}
	return nil
}

func (mt *mount) umount(ctx context.Context, limit time.Duration, flags int) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := mt.config.Helper.Do(ctx,
		helper.Request{Verb: helper.VerbUmount, Path: mt.root(), Flags: uintptr(flags)})
	return err
}

// endsWithin waits until ceph-fuse has ended.
func (mt *mount) endsWithin(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); mt.Fuse.alive(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// forceUmount has the kernel fail all requests of the mount (umount2(2), MNT_FORCE).
func (mt *mount) forceUmount(ctx context.Context) error {
	if device, err := mt.mountedDevice(); err != nil || device == "" {
		return err
	}
	return mt.umount(ctx, forceTime, unix.UMOUNT_NOFOLLOW|unix.MNT_FORCE)
}

// killFuse kills ceph-fuse: the kernel then fails all requests of the mount.
func (mt *mount) killFuse(context.Context) error {
	if !mt.Fuse.alive() {
		return nil
	}
	if err := unix.Kill(mt.Fuse.Pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill ceph-fuse with pid %d: %w", mt.Fuse.Pid, err)
	}
	if !mt.endsWithin(forceTime) {
		return fmt.Errorf("ceph-fuse with pid %d has not ended after SIGKILL", mt.Fuse.Pid)
	}
	return nil
}

// abort aborts the FUSE connection, also for mount namespaces that still have the mount.
func (mt *mount) abort(ctx context.Context) error {
	_, minor, ok := strings.Cut(mt.Device, ":")
	if mt.Kernel || !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, forceTime)
	defer cancel()
	_, err := mt.config.Helper.Do(ctx, helper.Request{Verb: helper.VerbAbort, Path: minor})
	if errors.Is(err, unix.ENOENT) {
		return nil // the connection has ended
	}
	return err
}

func (mt *mount) detach(ctx context.Context) error {
	if device, err := mt.mountedDevice(); err != nil || device == "" {
		return err
	}
	return mt.umount(ctx, forceTime, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
}

// forget removes the files of a mount that has ended. A mount point is removed only by rmdir(2), so that
// nothing on a mount can be lost.
func (mt *mount) forget() error {
	if device, err := mt.mountedDevice(); err != nil || device != "" {
		return errors.Join(err, fmt.Errorf("%s is still mounted", mt.root()))
	}
	if mt.Fuse.alive() {
		return fmt.Errorf("ceph-fuse with pid %d still lives", mt.Fuse.Pid)
	}
	if err := unix.Rmdir(mt.root()); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: mt.root(), Err: err}
	}
	if err := mt.removeGroup(); err != nil {
		return err
	}
	return tree.Remove(mt.path(mt.name))
}

// removeGroup removes the control group of ceph-fuse if it is empty. A process is in its group for a moment
// after it has ended.
func (mt *mount) removeGroup() error {
	if mt.Group == "" {
		return nil
	}
	for deadline := time.Now().Add(forceTime); ; time.Sleep(time.Millisecond) {
		if err := cgroup.RemoveEmpty(mt.Group); err != nil || len(cgroup.Dirs(mt.Group)) == 0 {
			return err
		}
		pids, err := cgroup.Pids(mt.Group)
		if err != nil || len(pids) > 0 && !slices.Contains(pids, mt.Fuse.Pid) || time.Now().After(deadline) {
			return err // others use it
		}
	}
}

// findFuse finds a ceph-fuse whose pid was not recorded by the file that it has open.
func (mt *mount) findFuse() process {
	for _, pid := range processes() {
		links, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		for _, l := range links {
			to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, l.Name()))
			if err == nil && to == mt.file("alive") && pid != os.Getpid() {
				return newProcess(pid)
			}
		}
	}
	return process{}
}
