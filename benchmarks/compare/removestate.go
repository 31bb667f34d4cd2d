package compare

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
)

// RemoveState removes the control groups of the containers of state, and unmounts state. It fails if
// one of them is in use.
func RemoveState(state string) error {
	prefix := store.At("", state).CgroupPrefix()
	err := errors.Join(cgroup.Remove(prefix), cgroup.Remove(prefix+"-shims"))
	if mountErr := unix.Unmount(state, 0); mountErr != nil && !errors.Is(mountErr, unix.EINVAL) &&
		!errors.Is(mountErr, unix.ENOENT) {
		err = errors.Join(err, fmt.Errorf("unmount %s: %w", state, mountErr))
	}
	return err
}
