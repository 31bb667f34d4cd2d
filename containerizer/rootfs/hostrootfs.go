package rootfs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/treemount"
)

// BindHost mounts a copy of the host's filesystem, with all its mounts, at target. The copy becomes
// a slave before it is attached, so that at no moment an unmount in it can propagate to the host
// (open_tree(2), mount_setattr(2), move_mount(2)).
func BindHost(target string) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("copy the host's mounts: %w", err)
	}
	defer unix.Close(tree)
	slave := unix.MountAttr{Propagation: unix.MS_SLAVE}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &slave); err != nil {
		return fmt.Errorf("make the copy of the host's mounts a slave: %w", err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount the copy of the host's mounts at %s: %w", target, err)
	}
	return nil
}

// HideFromHost ensures that deleting files below STATE does not delete them in the container. Once the
// container's mount namespace has a copy of the root filesystem, the mount on the host only serves to
// read an image's files, and a container with the host's filesystem needs no mount at all.
func HideFromHost(rootfs string, config *mctr.ContainerConfig) error {
	if config.Image == "" {
		return Unmount(rootfs)
	}
	return os.NewSyscallError("mount", unix.Mount("", rootfs, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
}

// Of returns the path by which the root filesystem of a running container is read.
func Of(c *store.Container, config *mctr.ContainerConfig) string {
	if config.Image == "" {
		return "/"
	}
	return c.Rootfs()
}

// Unmount removes every mount at target. It detaches them lazily, because a process that is about to
// die may still use them.
func Unmount(target string) error { return treemount.Clear(target, unix.MNT_DETACH) }
