package treemount

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// most exceeds the number of mounts that a namespace can have by default (fs.mount-max).
const most = 1 << 17

// Clear removes all mounts at target. It succeeds if there are none or target does not exist. flags
// are those of umount2(2). A mount that is in use is detached and disappears with its last user.
func Clear(target string, flags int) error {
	for range most {
		err := unix.Unmount(target, flags|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) {
			err = unix.Unmount(target, flags|unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
		}
		switch {
		case err == nil:
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			return nil
		default:
			return fmt.Errorf("unmount %s: %w", target, err)
		}
	}
	return fmt.Errorf("unmount %s: it was mounted again %d times while it was being unmounted", target, most)
}
