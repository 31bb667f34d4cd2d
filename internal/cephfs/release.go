package cephfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
)

// Release notes that a container no longer has any mounts, and unmounts those that no container has. It
// succeeds if the container has none. The error wraps [ErrForced] if a mount is gone, but what was
// written last to it may be lost; a second call succeeds then.
func (m *Mounts) Release(ctx context.Context, by mctr.ContainerID) error {
	names, err := m.names()
	errs := []error{err}
	for _, name := range names {
		if (&mount{Mounts: m, name: name}).heldBy(by) {
			errs = append(errs, m.locked(ctx, name, func(mt *mount) error { return mt.release(ctx, by) }))
		}
	}
	return errors.Join(errs...)
}

// locked calls f with a mount, holding the lock of its Spec. The lock's file is removed with the last
// mount.
func (m *Mounts) locked(ctx context.Context, name string, f func(*mount) error) error {
	hash, _, _ := parseName(name)
	l, err := m.lock(context.WithoutCancel(ctx), hash)
	if err != nil {
		return err
	}
	defer l.Unlock()
	if _, err := os.Lstat(m.path(name)); errors.Is(err, fs.ErrNotExist) {
		return nil // unmounted meanwhile
	}
	err = f(m.load(name))
	if left, unlisted := m.of(hash); unlisted == nil && len(left) == 0 {
		return errors.Join(err, l.Remove())
	}
	return err
}

func (mt *mount) release(ctx context.Context, by mctr.ContainerID) error {
	err := os.Remove(filepath.Join(mt.file("holders"), by.Hash()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("note that container %s no longer has %s: %w", by.Short(), mt.Spec, err)
	}
	if err := failpoint.Hit("cephfs/released"); err != nil {
		return err
	}
	if ids, err := mt.holders(); err != nil || len(ids) > 0 {
		return err
	}
	return mt.unmount(ctx)
}
