// Package overlay is the backend that stacks layers with overlayfs.
//
// On disk: RW/upper (what the container changes) and RW/work; RW/root instead,
// for a read-only one. In the kernel: one overlay mount at the target.
// Recovery: as package backend says.
//
// Layers are given to the kernel one by one (fsconfig "lowerdir+", Linux 6.8), so
// that no page bounds their number; older kernels get one mount(2) with the
// layers' open descriptors for names.
//
// For a container in a user namespace the layers are idmapped mounts (Linux
// 5.19), private to the overlay; what the container writes bears host ids.
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

// A stack is what one overlay mount is made of.
type stack struct {
	lowers      []string // topmost first, as the kernel counts
	upper, work string   // empty if read-only
	target      string
	flags       []string // bare options
	options     map[string]string
	ids         *backend.IDMap
}

// Name returns "overlay".
func (driver) Name() string { return "overlay" }

// Mount stacks the layers at m.Target.
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

// dirs lists layers as the kernel counts them, topmost first. The same layer
// twice is refused by the kernel; the lower one has no effect, since all that it
// does the upper one does again.
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

// arrange makes the directories beneath RW and the list of layers.
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
	if len(s.lowers) == 0 { // overlayfs wants one
		s.lowers = []string{filepath.Join(m.RW, "empty")}
		if err := mkdir(s.lowers[0]); err != nil {
			return s, err
		}
	}
	return s, freshWork(s.work)
}

// arrangeReadOnly puts an empty directory on top, which carries the root
// directory's attributes and makes two layers of one, as overlayfs needs.
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

// freshWork makes the work directory. One of an earlier mount is thrown away:
// after a volatile mount the kernel refuses it.
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

// Unmount takes the overlay away; upper stays.
func (driver) Unmount(_ context.Context, _, target string) error { return backend.Unmount(target) }

// unsupported marks the errors by which a kernel or filesystem says that it
// knows no overlay, or none here.
func unsupported(err error, why string) error {
	switch {
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL),
		errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: overlayfs is not supported here: %w%s", mctr.ErrUnsupported, err, why)
	}
	return fmt.Errorf("%w%s", err, why)
}
