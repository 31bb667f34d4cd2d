package store

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

// SetUp makes the directories, and checks that STATE belongs to this boot and to ROOT. If all is
// set up, which is the common case, it makes four system calls.
func (s *Store) SetUp(ctx context.Context) error {
	boot, err := bootID()
	if err != nil {
		return err
	}
	recorded, err := os.ReadFile(s.bootID())
	if err == nil && bytes.Equal(s.stateOf(boot), recorded) && isMount(s.State) {
		if _, err := os.Lstat(s.stateRecord()); err == nil {
			return nil
		}
	}
	if err := errors.Join(dirs.MakeAll(s.State, 0o711), os.MkdirAll(s.Root, 0o700)); err != nil {
		return err
	}
	for _, path := range []string{s.rootLock(), s.SetupLock()} {
		lock, err := flock.Exclusive(ctx, path)
		if err != nil {
			return err
		}
		defer lock.Unlock()
	}
	return s.setUpLocked(ctx, boot)
}

func (s *Store) setUpLocked(ctx context.Context, boot []byte) error {
	if err := s.checkBinding(boot); err != nil {
		return err
	}
	if !isMount(s.State) {
		if err := unix.Mount(s.State, s.State, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s onto itself: %w", s.State, err)
		}
	}
	// Unbindable, so that a recursive bind does not copy it: a container with the host's filesystem
	// does not see the filesystems of other containers.
	if err := unix.Mount("", s.State, "", unix.MS_UNBINDABLE, ""); err != nil {
		return fmt.Errorf("make %s unbindable: %w", s.State, err)
	}
	for _, dir := range []string{s.Containers(), s.Names(), s.Running(), s.Locks()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	recorded, err := s.recordedBoot()
	if err != nil {
		return err
	}
	if len(recorded) > 0 && !bytes.Equal(boot, recorded) {
		s.AfterBoot(ctx)
	}
	return errors.Join(atomicfile.Write(s.lastBoot(), boot, 0o600), s.bind(),
		atomicfile.Write(s.bootID(), s.stateOf(boot), 0o600))
}

// Missing returns an error for each directory and file of the set-up that was deleted
// since.
func (s *Store) Missing() (errs []error) {
	for _, path := range []string{
		s.Containers(), s.Names(), s.stateRecord(), s.Running(), s.Locks(), s.bootID(),
	} {
		if _, err := os.Lstat(path); err != nil {
			errs = append(errs, fmt.Errorf("it was deleted, or cannot be read: %w", err))
		}
	}
	return errs
}

// recordedBoot returns the boot of the last use, as recorded in STATE or, if STATE was a tmpfs and
// is lost, in ROOT. It is empty if there was none.
func (s *Store) recordedBoot() ([]byte, error) {
	for _, path := range []string{s.bootID(), s.lastBoot()} {
		boot, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			first, _, _ := bytes.Cut(boot, []byte("\n"))
			return append(first, '\n'), err
		}
	}
	return nil, nil
}

// isMount returns true if path is a mount point.
func isMount(path string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
