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

// Apply copies layers, lowest first, into the directory dst, where no other process may write
// meanwhile.
func Apply(ctx context.Context, lowers []backend.Lower, dst string, ids *backend.IDMap) error {
	for _, l := range lowers {
		a := &applier{ctx: ctx, ids: ids}
		var st unix.Stat_t
		if err := unix.Lstat(l.Dir, &st); err != nil {
			return &os.PathError{Op: "lstat", Path: l.Dir, Err: err}
		}
		a.device = st.Dev
		if err := a.children(l.Dir, dst, tree.Root(dst)); err != nil {
			return fmt.Errorf("apply layer: %w", err)
		}
	}
	from, ok := backend.RootOf(lowers)
	if !ok {
		return backend.SetDefaultRoot(dst, ids)
	}
	return copyMetadata(from, dst, ids)
}

// An applier copies one layer onto a tree.
type applier struct {
	ctx    context.Context
	ids    *backend.IDMap
	device uint64     // the device of the layer; mounts in it are not entered
	links  tree.Names // the first copy of each file with several names
}

// children copies what is in the directory src to the directory dst. entry has made sure that dst
// is a directory, so that no symbolic link is followed.
func (a *applier) children(src, dst string, name *tree.Name) error {
	if err := a.ctx.Err(); err != nil {
		return context.Cause(a.ctx)
	}
	entries, err := os.ReadDir(src)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := a.entry(filepath.Join(src, e.Name()), filepath.Join(dst, e.Name()), name.In(e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) entry(src, dst string, name *tree.Name) error {
	var st unix.Stat_t
	if err := unix.Lstat(src, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: src, Err: err}
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFDIR {
		return a.directory(src, dst, name, st)
	}
	if err := tree.Remove(dst); err != nil {
		return err
	}
	if kind == unix.S_IFCHR && st.Rdev == 0 {
		return nil // a whiteout
	}
	id := tree.ID{Dev: st.Dev, Ino: st.Ino}
	if first := a.links.First(id, uint64(st.Nlink), func() *tree.Name { return name }); first != nil {
		return os.Link(first.Path(), dst)
	}
	if err := create(a.ctx, src, dst, st); err != nil {
		return err
	}
	return copyMetadata(src, dst, a.ids)
}

// directory makes dst a directory like src. The content of dst stays, unless src is opaque or dst
// was not a directory.
func (a *applier) directory(src, dst string, name *tree.Name, st unix.Stat_t) error {
	old, err := os.Lstat(dst)
	if err == nil && (!old.IsDir() || backend.IsOpaque(src)) {
		if err := tree.Remove(dst); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dst, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if st.Dev == a.device {
		if err := a.children(src, dst, name); err != nil {
			return err
		}
	}
	return copyMetadata(src, dst, a.ids)
}

// create makes a file of any type except a directory, without its attributes.
func create(ctx context.Context, src, dst string, st unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return copyFile(ctx, src, dst, st.Size)
	case unix.S_IFLNK:
		target, err := os.Readlink(src)
		if err != nil {
			return err
		}
		return os.Symlink(target, dst)
	default:
		if err := unix.Mknod(dst, st.Mode, int(st.Rdev)); err != nil {
			return &os.PathError{Op: "mknod", Path: dst, Err: err}
		}
		return nil
	}
}
