package treemount

import (
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// A Tree is a file or directory with the mounts below it.
type Tree struct {
	Root, Path string // Path is resolved below Root, without leaving it
	ReadOnly   bool   // the mount is read-only
	Alone      bool   // without the mounts below it
}

// Graft mounts a tree at target below onto, an open root, which need not be trusted either. It
// makes a missing mount point as an empty file or directory, which stays.
func Graft(onto *os.File, target string, t Tree) error {
	source, err := openIn(t.Root, t.Path, 0)
	if err != nil {
		return err
	}
	defer unix.Close(source)
	tree, err := t.copy(source)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	var st unix.Stat_t
	isDirectory := unix.Fstat(source, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
	at, err := openOrMake(int(onto.Fd()), path.Join("/", target), isDirectory)
	if err != nil {
		return fmt.Errorf("make %s to mount on: %w", target, err)
	}
	defer unix.Close(at)
	if err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s at %s: %w", t.Path, target, err)
	}
	return nil
}

// copy returns a private, detached copy of the tree's mounts.
func (t Tree) copy(source int) (int, error) {
	var recursive uint
	if !t.Alone {
		recursive = unix.AT_RECURSIVE
	}
	tree, err := unix.OpenTree(source, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|recursive)
	if err != nil {
		return -1, fmt.Errorf("copy the mount of %s in %s: %w", t.Path, t.Root, err)
	}
	attr := &unix.MountAttr{Propagation: unix.MS_PRIVATE}
	if t.ReadOnly {
		attr.Attr_set = unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|recursive, attr); err != nil {
		return -1, errors.Join(fmt.Errorf("make the mount of %s private: %w", t.Path, err), unix.Close(tree))
	}
	return tree, nil
}

// openOrMake opens name below root (O_PATH) and makes it if it is missing.
func openOrMake(root int, name string, directory bool) (int, error) {
	fd, err := openAt(root, name, 0)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	parent, err := openOrMake(root, path.Dir(name), true)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	if directory {
		err = unix.Mkdirat(parent, path.Base(name), 0o755)
	} else {
		err = unix.Mknodat(parent, path.Base(name), unix.S_IFREG|0o644, 0)
	}
	if err != nil {
		return -1, &os.PathError{Op: "make", Path: name, Err: err}
	}
	return openAt(root, name, 0)
}
