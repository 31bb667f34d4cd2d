// Package copy is the backend that copies layers into one tree. It needs no kernel feature, but
// takes time and space for each file; it is for hosts and filesystems without overlayfs.
//
// On disk: RW/rootfs (the tree), RW/rootfs.new while it is being written. In the kernel: a bind
// mount of the tree at the target. Recovery: see package backend.
package copy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/provisioner/backend"
)

// New returns the backend. It is stateless.
func New() backend.Backend { return driver{} }

type driver struct{}

// Name returns "copy".
func (driver) Name() string { return "copy" }

// Mount writes the tree, unless an earlier Mount did, and bind-mounts it at the target.
func (driver) Mount(ctx context.Context, m backend.Mount) error {
	for _, dir := range []string{m.RW, m.Target} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("copy image: %w", err)
		}
	}
	tree := filepath.Join(m.RW, "rootfs")
	if _, err := os.Lstat(tree); errors.Is(err, os.ErrNotExist) {
		if err := write(ctx, m, tree); err != nil {
			return fmt.Errorf("copy image to %s: %w", tree, err)
		}
	}
	if err := bind(tree, m.Target, m.ReadOnly); err != nil {
		return fmt.Errorf("bind %s at %s: %w", tree, m.Target, err)
	}
	return nil
}

func write(ctx context.Context, m backend.Mount, to string) error {
	fresh := to + ".new"
	if err := tree.Remove(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	if err := Apply(ctx, m.Lowers, fresh, m.IDs); err != nil {
		return errors.Join(err, tree.Remove(fresh))
	}
	return os.Rename(fresh, to)
}

// bind bind-mounts tree at target.
func bind(tree, target string, readOnly bool) error {
	if err := unix.Mount(tree, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if !readOnly {
		return nil
	}
	err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	if err != nil {
		err = errors.Join(err, backend.Unmount(target))
	}
	return err
}

// Unmount removes the bind mount and what a killed Mount was writing; the tree stays.
func (driver) Unmount(_ context.Context, rw, target string) error {
	return errors.Join(backend.Unmount(target), tree.Remove(filepath.Join(rw, "rootfs.new")))
}
