package treemount

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// most is more mounts than a namespace may have by default (fs.mount-max).
const most = 1 << 17

// Clear takes away all that is mounted at target, however often. Nothing there, or no
// target, is no error. flags are those of umount2(2); what is in use is detached: it
// goes when its last user does.
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
	return fmt.Errorf("unmount %s: it was mounted again, %d times, while it was unmounted", target, most)
}
