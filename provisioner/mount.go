package provisioner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/ownthread"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/internal/treemount"
	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/copy"
)

// MountOptions say how a root filesystem is mounted.
type MountOptions struct {
	ReadOnly bool           // nothing can be written
	Volatile bool           // what is written need not survive a crash of the host
	IDs      *backend.IDMap // of the container's user namespace; nil without one
}

// Mount mounts img's root filesystem at target. What the container writes goes to
// rw, a directory of the container's own on a real filesystem; what an earlier Mount
// left in rw is kept. The caller holds a lease on img. Unmount also undoes a Mount
// that failed or was killed.
func (p *Provisioner) Mount(ctx context.Context, img *Image, rw, target string, o MountOptions) error {
	m := backend.Mount{
		Lowers: p.lowers(img), RW: rw, Target: target,
		ReadOnly: o.ReadOnly, Volatile: o.Volatile, IDs: o.IDs,
	}
	err := fmt.Errorf("%w: no backend", mctr.ErrUnsupported)
	for _, b := range p.backends {
		if b.Name() == "overlay" && len(p.backends) > 1 && wasCopied(rw) {
			continue
		}
		if err = b.Mount(ctx, m); !errors.Is(err, mctr.ErrUnsupported) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", img.Reference, err)
	}
	return nil
}

// OpenOptions say how a root filesystem is opened.
type OpenOptions struct {
	ReadOnly bool     // only volumes can be written
	Volumes  []Volume // mounted in this order, so parents come before what lies in them
}

// A Volume is a file or directory that appears at another place.
type Volume struct {
	Root, Path string // Path is resolved below Root, and never leaves it
	Target     string // resolved in the root filesystem, and never leaves it; made if it is missing
	ReadOnly   bool
	Alone      bool // without the mounts below Path
}

// Open returns img's root filesystem as an open directory (O_PATH) that is mounted
// nowhere: it vanishes when its descriptor is closed, so also when the process dies.
// Writes go to rw, as with Mount, and to the volumes. The caller holds a lease on img
// and ensures that no other process mounts rw meanwhile.
func (p *Provisioner) Open(ctx context.Context, img *Image, rw string, o OpenOptions) (root *os.File, err error) {
	err = ownthread.Run(unix.CLONE_NEWNS, func() error {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return os.NewSyscallError("mount / private", err)
		}
		// Mounted over rw itself, in this thread's mount namespace alone.
		if err := p.Mount(ctx, img, rw, rw, MountOptions{}); err != nil {
			return err
		}
		if err = o.apply(rw); err == nil {
			root, err = detached(rw)
		}
		return errors.Join(err, backend.Unmount(rw))
	})
	if err != nil && root != nil {
		err = errors.Join(err, root.Close())
	}
	return root, err
}

// apply grafts the volumes onto what is mounted at dir, and makes dir read-only if asked.
func (o OpenOptions) apply(dir string) error {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, v := range o.Volumes {
		t := treemount.Tree{Root: v.Root, Path: v.Path, ReadOnly: v.ReadOnly, Alone: v.Alone}
		if err := treemount.Graft(root, v.Target, t); err != nil {
			return fmt.Errorf("volume %s: %w", v.Target, err)
		}
	}
	if !o.ReadOnly {
		return nil
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	return os.NewSyscallError("mount_setattr", unix.MountSetattr(int(root.Fd()), "", unix.AT_EMPTY_PATH, attr))
}

// detached returns a copy of the mounts at dir and below, which is mounted nowhere.
func detached(dir string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return nil, os.NewSyscallError("open_tree", err)
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// wasCopied returns true if rw holds a container's data in the form of the copy
// backend.
func wasCopied(rw string) bool {
	_, err := os.Lstat(filepath.Join(rw, "rootfs"))
	return err == nil
}

// Unmount removes what Mount made at target. The data in rw stays: the caller removes
// it. Unmount is idempotent, and also cleans up after a Mount that was killed.
func (p *Provisioner) Unmount(ctx context.Context, rw, target string) error {
	var errs []error
	for _, b := range p.backends {
		errs = append(errs, b.Unmount(ctx, rw, target))
	}
	return errors.Join(errs...)
}

// Unpack writes img's whole tree to dir, which must be empty or missing. The caller
// holds a lease on img. After an error dir is empty.
func (p *Provisioner) Unpack(ctx context.Context, img *Image, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil { // Unpack gives it the image's mode in the end
		return fmt.Errorf("unpack %s: %w", img.Reference, err)
	}
	if old, err := os.ReadDir(dir); err != nil || len(old) > 0 {
		return errors.Join(err,
			fmt.Errorf("%w: unpack %s: directory %s is not empty", mctr.ErrExists, img.Reference, dir))
	}
	if err := copy.Apply(ctx, p.lowers(img), dir, nil); err != nil {
		return fmt.Errorf("unpack %s: %w", img.Reference, errors.Join(err, empty(dir)))
	}
	return nil
}

func (p *Provisioner) lowers(img *Image) []backend.Lower {
	if img.Rootfs != "" {
		return []backend.Lower{{Dir: img.Rootfs, Root: true}}
	}
	return lowers(p.store, img.Layers)
}

// empty removes what is in dir.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, tree.Remove(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}
