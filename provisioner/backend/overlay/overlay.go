// Package overlay is the backend that stacks layers with overlayfs.
//
// On disk: RW/upper (the container's changes) and RW/work; for a read-only container RW/root
// instead. In the kernel: one overlay mount at the target. Recovery: see package backend.
//
// Layers are passed to the kernel one by one (fsconfig "lowerdir+", Linux 6.8), so that the size of
// a page does not limit their number. Older kernels get one mount(2) with open descriptors as the
// names of the layers.
//
// For a container in a user namespace the layers are idmapped mounts (Linux 5.19), private to the
// overlay; files that the container writes have host ids.
package overlay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/provisioner/backend"
)

// New returns the backend. It is stateless.
func New() backend.Backend { return driver{mount: mount} }

type driver struct {
	mount func(stack) error
}

// A stack describes one overlay mount.
type stack struct {
	lowers      []string // topmost first, as the kernel expects
	upper, work string   // empty if read-only
	target      string
	flags       []string // options without a value
	options     map[string]string
	ids         *backend.IDMap
}

// Name returns "overlay".
func (driver) Name() string { return "overlay" }

// Mount mounts the overlay at m.Target.
func (d driver) Mount(_ context.Context, m backend.Mount) error {
	for _, dir := range []string{m.RW, m.Target} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("mount overlay: %w", err)
		}
	}
	s, err := arrange(m)
	if err != nil {
		return fmt.Errorf("mount overlay at %s: %w", m.Target, err)
	}
	if err := d.mount(s); err != nil {
		return fmt.Errorf("mount overlay of %d layers at %s: %w", len(m.Lowers), m.Target, err)
	}
	return nil
}

// dirs returns the directories of layers, topmost first. The kernel refuses duplicates. Of two
// equal layers dirs keeps the upper one, which repeats all that the lower one does.
func dirs(lowers []backend.Lower) (list []string) {
	seen := map[string]bool{}
	for i := len(lowers) - 1; i >= 0; i-- {
		if dir := lowers[i].Dir; !seen[dir] {
			seen[dir] = true
			list = append(list, dir)
		}
	}
	return list
}

// arrange makes the directories beneath RW and lists the layers.
func arrange(m backend.Mount) (stack, error) {
	s := stack{lowers: dirs(m.Lowers), target: m.Target, ids: m.IDs}
	if m.ReadOnly {
		return arrangeReadOnly(m, s)
	}
	s.upper, s.work = filepath.Join(m.RW, "upper"), filepath.Join(m.RW, "work")
	if m.Volatile {
		s.flags = append(s.flags, "volatile")
	}
	if err := backend.MakeRoot(s.upper, m.Lowers, m.IDs); err != nil {
		return s, err
	}
	if len(s.lowers) == 0 { // overlayfs needs at least one
		s.lowers = []string{filepath.Join(m.RW, "empty")}
		if err := mkdir(s.lowers[0]); err != nil {
			return s, err
		}
	}
	return s, freshWork(s.work)
}

// arrangeReadOnly adds an empty directory on top, which has the attributes of the root directory
// and provides the second layer that overlayfs requires.
func arrangeReadOnly(m backend.Mount, s stack) (stack, error) {
	root := filepath.Join(m.RW, "root")
	s.lowers = append([]string{root}, s.lowers...)
	if len(s.lowers) == 1 {
		s.lowers = append(s.lowers, filepath.Join(m.RW, "empty"))
		if err := mkdir(s.lowers[1]); err != nil {
			return s, err
		}
	}
	return s, backend.MakeRoot(root, m.Lowers, nil)
}

// freshWork makes the work directory. It replaces that of an earlier mount, which the kernel
// refuses after a volatile mount.
func freshWork(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := tree.Remove(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o700)
}

func mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o755); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// Unmount removes the overlay; RW/upper stays.
func (driver) Unmount(_ context.Context, _, target string) error { return backend.Unmount(target) }

// unsupported adds mctr.ErrUnsupported to the errors by which a kernel or filesystem reports that
// it does not support overlayfs.
func unsupported(err error, why string) error {
	switch {
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL),
		errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: overlayfs is not supported on this host: %w%s", mctr.ErrUnsupported, err, why)
	}
	return fmt.Errorf("%w%s", err, why)
}
