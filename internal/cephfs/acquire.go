package cephfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/failpoint"
)

// A Holder is the container that acquires a mount.
type Holder struct {
	ID    mctr.ContainerID
	Group string // the control group for ceph-fuse, relative to the hierarchies' roots; "": the caller's
}

// Acquire returns the mount point of s for a container, which holds the mount until Release. It mounts s
// unless a mount of it is healthy. The error names s, and has the evidence about older mounts that are
// not; it wraps helper.ErrHung if the cluster does not answer in time, fs.ErrPermission if the cluster
// refuses the client, and fs.ErrNotExist if the key's file or the path does not exist.
func (m *Mounts) Acquire(ctx context.Context, s Spec, by Holder) (root string, err error) {
	unlock, err := m.begin(ctx, s)
	if err != nil {
		return "", err
	}
	defer unlock()
	mt, err := m.healthy(ctx, s, by)
	if err != nil {
		return "", err
	}
	return mt.root(), mt.hold(by.ID)
}

// With mounts s, unless a mount of it is healthy, and calls do with its mount point. Afterwards it
// unmounts a mount that no container has.
func (m *Mounts) With(ctx context.Context, s Spec, do func(root string) error) error {
	unlock, err := m.begin(ctx, s)
	if err != nil {
		return err
	}
	defer unlock()
	mt, err := m.healthy(ctx, s, Holder{})
	if err != nil {
		return err
	}
	err = do(mt.root())
	if ids, unread := mt.holders(); unread != nil || len(ids) > 0 {
		return errors.Join(err, unread)
	}
	return errors.Join(err, mt.unmount(ctx))
}

// begin checks and locks s.
func (m *Mounts) begin(ctx context.Context, s Spec) (unlock func(), err error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l, err := m.lock(ctx, s.hash())
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", s, err)
	}
	return func() {
		if left, err := m.of(s.hash()); err == nil && len(left) == 0 {
			_ = l.Remove() // what stays is an empty file
		}
		l.Unlock()
	}, nil
}

// healthy returns a healthy mount of s, the newest or a new one.
func (m *Mounts) healthy(ctx context.Context, s Spec, by Holder) (*mount, error) {
	list, err := m.of(s.hash())
	if err != nil {
		return nil, err
	}
	var sick []string
	for _, mt := range slices.Backward(list) {
		h := mt.probe(ctx)
		if h.State == Healthy {
			return mt, nil
		}
		sick = append(sick, h.String())
		if err := mt.leaveDead(ctx, h); err != nil {
			sick = append(sick, err.Error())
		}
	}
	mt, err := m.mount(ctx, s, nextName(s, list), by)
	if err != nil && len(sick) > 0 {
		err = fmt.Errorf("%w (an earlier mount of it: %s)", err, strings.Join(sick, "; "))
	}
	return mt, err
}

// leaveDead does what a mount that is not healthy still needs: its session is evicted, and it is
// unmounted if no container has it.
func (mt *mount) leaveDead(ctx context.Context, h Health) error {
	if h.State == Dead && mt.Session != 0 && !mt.Evicted && !mt.Fuse.alive() {
		evidence := append(mt.Evidence, mt.evict(ctx))
		if err := mt.update(func(r *record) { r.Evicted, r.Evidence = true, evidence }); err != nil {
			return err
		}
	}
	if ids, err := mt.holders(); err != nil || len(ids) > 0 {
		return err
	}
	return mt.unmount(ctx)
}

func nextName(s Spec, list []*mount) string {
	next := 1
	for _, mt := range list {
		_, generation, _ := parseName(mt.name)
		next = max(next, generation+1)
	}
	return fmt.Sprintf("%s-%d", s.hash(), next)
}

// mount makes a new mount. A container that is given holds it.
func (m *Mounts) mount(ctx context.Context, s Spec, name string, by Holder) (*mount, error) {
	mt := &mount{Mounts: m, name: name, record: record{Spec: s, State: mounting, Group: by.Group}}
	mt.Kernel = !m.config.NoKernel && kernelHasClient()
	k, err := openKey(s.KeyFile)
	if err == nil {
		err = mt.intend(by.ID)
	}
	if err == nil {
		timed, cancel := context.WithTimeout(ctx, m.config.MountTime)
		defer cancel()
		if mt.Kernel {
			err = mt.mountByKernel(timed, k)
		} else {
			err = mt.startFuse(timed, k)
		}
		if err == nil {
			err = mt.finish(timed)
		}
	}
	if err != nil {
		err = fmt.Errorf("mount %s: %w", s, err)
		return nil, errors.Join(err, mt.discard(context.WithoutCancel(ctx)))
	}
	return mt, nil
}

// intend records the mount that is about to be made, with its holder: if this process is killed, the
// clean-up of the container finds it.
func (mt *mount) intend(by mctr.ContainerID) error {
	if err := dirs.MakeAll(mt.root(), 0o711); err != nil {
		return err
	}
	if err := mt.save(); err != nil {
		return err
	}
	if by != "" {
		if err := mt.hold(by); err != nil {
			return err
		}
	}
	return failpoint.Hit("cephfs/intent")
}

// finish checks that a new mount answers, and records it.
func (mt *mount) finish(ctx context.Context) error {
	device, err := mt.mountedDevice()
	if err != nil {
		return err
	}
	if err := mt.config.Helper.Probe(ctx, mt.root()); err != nil {
		return err
	}
	if err := failpoint.Hit("cephfs/mounted"); err != nil {
		return err
	}
	session := mt.askSession()
	return mt.update(func(r *record) { r.State, r.Device, r.Session = mounted, device, session })
}
