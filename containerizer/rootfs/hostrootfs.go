package rootfs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/treemount"
)

// BindHost gives target the host's filesystem with all its mounts. The copy is
// made a slave before it has a place, so that at no moment an unmount in it can
// reach the host's mounts (open_tree(2), mount_setattr(2), move_mount(2)).
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

// HideFromHost keeps what is deleted below STATE from being deleted in the container too. Once
// the container's mount namespace has a copy of the root filesystem, the host's end only
// serves to read an image's files, and the host's own filesystem needs no second place.
func HideFromHost(rootfs string, config *mctr.ContainerConfig) error {
	if config.Image == "" {
		return Unmount(rootfs)
	}
	return os.NewSyscallError("mount", unix.Mount("", rootfs, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
}

// Of returns where the root filesystem of a running container is read.
func Of(c *store.Container, config *mctr.ContainerConfig) string {
	if config.Image == "" {
		return "/"
	}
	return c.Rootfs()
}

// Unmount removes every mount that begins at target. Lazy, since a process
// that is about to die may still hold it.
func Unmount(target string) error { return treemount.Clear(target, unix.MNT_DETACH) }
