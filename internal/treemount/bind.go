// Package treemount mounts a directory, found below an untrusted root, at a path of the host. A
// symbolic link could redirect a path into the root between check and use; it cannot redirect a
// mount.
//
// In the kernel: a private bind mount at the target, until [Unbind]; it outlives this process. On
// disk: the target directory.
package treemount

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/ownthread"
)

// Bind mounts the directory path below root at target, which it makes. Neither a symbolic link nor
// ".." in path leads out of root (openat2(2), RESOLVE_IN_ROOT).
func Bind(root, path, target string) error {
	tree, err := copyTree(root, path)
	if err != nil {
		return err
	}
	return place(tree, path, target)
}

// BindFrom is Bind for a path in the root of process pid, which may be in another mount namespace.
func BindFrom(pid int, path, target string) error {
	tree, err := copyInside(pid, path)
	if err != nil {
		return err
	}
	return place(tree, path, target)
}

// copyInside copies the tree on a thread that enters the process's mount namespace, because the
// kernel copies only mounts of the caller's namespace.
func copyInside(pid int, path string) (tree int, err error) {
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the mount namespace of process %d: %w", pid, err)
	}
	defer unix.Close(ns)
	err = ownthread.Run(0, func() (err error) {
		if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace of process %d: %w", pid, err)
		}
		tree, err = copyTree("/", path)
		return err
	})
	return tree, err
}

func copyTree(root, path string) (int, error) {
	dir, err := openIn(root, path, unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	return Tree{Root: root, Path: path}.copy(dir)
}

// place mounts a copied tree and closes it.
func place(tree int, path, target string) error {
	defer unix.Close(tree)
	if err := os.MkdirAll(target, 0o700); err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s at %s: %w", path, target, err)
	}
	return nil
}

// openIn opens path below root with O_PATH and flags.
func openIn(root, path string, flags uint64) (int, error) {
	r, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", root, err)
	}
	defer unix.Close(r)
	fd, err := openAt(r, path, flags)
	if err != nil {
		return -1, fmt.Errorf("open %s in %s: %w", path, root, err)
	}
	return fd, nil
}

func openAt(root int, path string, flags uint64) (int, error) {
	return unix.Openat2(root, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC | flags, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// Unbind removes what Bind made at target. It may be called twice.
func Unbind(target string) error {
	if err := Clear(target, unix.MNT_DETACH); err != nil {
		return err
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
