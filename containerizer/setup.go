package containerizer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
)

// setUp makes the directories and sees whether STATE is of this boot. The
// common case, that all is there, takes three system calls.
func (c *Containerizer) setUp(ctx context.Context) error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	recorded, err := os.ReadFile(c.paths.bootID())
	if err == nil && bytes.Equal(boot, recorded) && isMount(c.paths.state) {
		return nil
	}
	if err := dirs.MakeAll(c.paths.state, 0o711); err != nil {
		return err
	}
	lock, err := flock.Exclusive(ctx, c.paths.setupLock())
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	return c.setUpLocked(ctx, boot)
}

func (c *Containerizer) setUpLocked(ctx context.Context, boot []byte) error {
	if !isMount(c.paths.state) {
		if err := bindUnbindable(c.paths.state); err != nil {
			return fmt.Errorf("bind %s onto itself: %w", c.paths.state, err)
		}
	}
	for _, dir := range []string{c.paths.containers(), c.paths.names(), c.paths.running(), c.paths.locks()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	recorded, err := c.recordedBoot()
	if err != nil {
		return err
	}
	if len(recorded) > 0 && !bytes.Equal(boot, recorded) {
		c.afterBoot(ctx)
	}
	return errors.Join(atomicfile.Write(c.paths.lastBoot(), boot, 0o600), atomicfile.Write(c.paths.bootID(), boot, 0o600))
}

// recordedBoot is the boot of the last use: STATE's word or, where STATE went with
// that boot as a tmpfs does, ROOT's. Empty: there was none.
func (c *Containerizer) recordedBoot() ([]byte, error) {
	for _, path := range []string{c.paths.bootID(), c.paths.lastBoot()} {
		boot, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return boot, err
		}
	}
	return nil, nil
}

// isMount says whether a mount begins at path.
func isMount(path string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// bindUnbindable makes path a mount of its own that is neither shared nor
// copied by a recursive bind: a container that gets the host's filesystem does
// not get the others' with it.
func bindUnbindable(path string) error {
	if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("", path, "", unix.MS_UNBINDABLE, "")
}
