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

// setUp makes the directories and sees whether STATE is of this boot and ROOT's. The
// common case, that all is there, takes four system calls.
func (c *Containerizer) setUp(ctx context.Context) error {
	boot, err := bootID()
	if err != nil {
		return err
	}
	recorded, err := os.ReadFile(c.paths.bootID())
	if err == nil && bytes.Equal(c.stateOf(boot), recorded) && isMount(c.paths.state) {
		if _, err := os.Lstat(c.paths.stateRecord()); err == nil {
			return nil
		}
	}
	if err := errors.Join(dirs.MakeAll(c.paths.state, 0o711), os.MkdirAll(c.paths.root, 0o700)); err != nil {
		return err
	}
	for _, path := range []string{c.paths.rootLock(), c.paths.setupLock()} {
		lock, err := flock.Exclusive(ctx, path)
		if err != nil {
			return err
		}
		defer lock.Unlock() // closing a lock file cannot fail usefully
	}
	return c.setUpLocked(ctx, boot)
}

func (c *Containerizer) setUpLocked(ctx context.Context, boot []byte) error {
	if err := c.checkBinding(boot); err != nil {
		return err
	}
	if !isMount(c.paths.state) {
		if err := unix.Mount(c.paths.state, c.paths.state, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s onto itself: %w", c.paths.state, err)
		}
	}
	// Neither shared nor copied by a recursive bind: a container that gets the host's
	// filesystem does not get the others' with it.
	if err := unix.Mount("", c.paths.state, "", unix.MS_UNBINDABLE, ""); err != nil {
		return fmt.Errorf("make %s unbindable: %w", c.paths.state, err)
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
	return errors.Join(atomicfile.Write(c.paths.lastBoot(), boot, 0o600), c.bind(),
		atomicfile.Write(c.paths.bootID(), c.stateOf(boot), 0o600))
}

// recordedBoot is the boot of the last use: STATE's word or, where STATE went with
// that boot as a tmpfs does, ROOT's. Empty: there was none.
func (c *Containerizer) recordedBoot() ([]byte, error) {
	for _, path := range []string{c.paths.bootID(), c.paths.lastBoot()} {
		boot, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			first, _, _ := bytes.Cut(boot, []byte("\n"))
			return append(first, '\n'), err
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
