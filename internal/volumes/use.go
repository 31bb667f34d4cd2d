package volumes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/tree"
)

// Content is what an empty volume begins with.
type Content struct {
	Files bool                   // Write writes files; else only the directory's owner, mode and attributes
	Write func(dir string) error // dir is an empty directory
}

// Use notes that a container uses a volume, until Release, and returns the directory of its files. It
// makes a volume that does not exist. If first is not nil, it is written to a volume that is empty and
// that no other container uses; later uses find all of it, or nothing.
func (s *Store) Use(ctx context.Context, v mctr.NamedVolume, by mctr.ContainerID,
	first *Content) (dir string, err error) {
	l, err := s.lock(ctx, v.Name)
	if err != nil {
		return "", err
	}
	defer l.Unlock()
	there, err := s.Get(v.Name)
	switch {
	case errors.Is(err, mctr.ErrNotFound):
		there, err = s.create(ctx, v, first)
	case err == nil && there.Driver != mctr.DriverLocal:
		err = fmt.Errorf("%w: volume %s is of driver %s, not local", mctr.ErrInvalid, v.Name, there.Driver)
	case err == nil:
		err = s.openAndFill(ctx, *there, first)
	}
	if err != nil {
		return "", err
	}
	if err := s.addUser(v.Name, by); err != nil {
		return "", fmt.Errorf("volume %s: note its user: %w", v.Name, err)
	}
	return s.Data(*there), failpoint.Hit("volume/used")
}

// openAndFill mounts a volume with limits, and writes the first content of a volume that exists.
func (s *Store) openAndFill(ctx context.Context, v mctr.NamedVolume, first *Content) error {
	if v.IsLimited() {
		if err := s.limited.open(ctx, v); err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	return s.fill(v, first)
}

// Hold notes that a container uses a volume, until Release, and returns the volume, whose storage is the
// driver's. The error wraps mctr.ErrNotFound if the volume does not exist, and mctr.ErrInvalid if it is
// of another driver.
func (s *Store) Hold(ctx context.Context, name, driver string, by mctr.ContainerID) (*mctr.NamedVolume, error) {
	l, err := s.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	v, err := s.Get(name)
	if errors.Is(err, mctr.ErrNotFound) {
		s.forget(name, l)
	}
	if err != nil {
		return nil, err
	}
	if v.Driver != driver {
		return nil, fmt.Errorf("%w: volume %s is of driver %s, not %s", mctr.ErrInvalid, name, v.Driver, driver)
	}
	if err := s.addUser(name, by); err != nil {
		return nil, fmt.Errorf("volume %s: note its user: %w", name, err)
	}
	return v, failpoint.Hit("volume/held")
}

// fill writes the first content of a volume that exists. The file copying marks a volume whose files may be
// incomplete: they are removed. It is gone, also after a loss of power, before a container can write.
func (s *Store) fill(v mctr.NamedVolume, first *Content) error {
	name, data := v.Name, s.Data(v)
	mark := filepath.Join(s.dir(name), "copying")
	if _, err := os.Lstat(mark); err == nil {
		if err := unfill(data, mark); err != nil {
			return err
		}
	}
	if first == nil {
		return nil
	}
	if users, err := s.Users(name); err != nil || len(users) > 0 {
		return err
	}
	if is, err := isEmpty(data); err != nil || !is {
		return err
	}
	if !first.Files {
		var st unix.Stat_t
		if err := unix.Stat(data, &st); err != nil || st.Uid != 0 || st.Gid != 0 || st.Mode&0o7777 != 0o755 {
			return err // the user has set it
		}
		return first.Write(data)
	}
	if err := atomicfile.WriteDurable(mark, nil, 0o600); err != nil {
		return err
	}
	err := failpoint.Hit("volume/copying")
	if err == nil {
		err = first.Write(data)
	}
	if err == nil {
		err = syncFilesystem(data)
	}
	if err == nil {
		err = failpoint.Hit("volume/copied")
	}
	if err != nil {
		return errors.Join(err, unfill(data, mark))
	}
	return unmark(mark)
}

// unfill removes the files of a fill that did not end, and its mark.
func unfill(data, mark string) error {
	entries, err := os.ReadDir(data)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, tree.Remove(filepath.Join(data, e.Name())))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove files that are half copied: %w", err)
	}
	return unmark(mark)
}

func unmark(mark string) error {
	if err := os.Remove(mark); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(mark))
}

func isEmpty(dir string) (bool, error) {
	f, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer f.Close()
	names, err := f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return len(names) == 0, err
}

// syncFilesystem writes what was copied to stable storage.
func syncFilesystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func (s *Store) addUser(name string, by mctr.ContainerID) error {
	err := os.Symlink(string(by), filepath.Join(s.users(name), by.Hash()))
	if errors.Is(err, fs.ErrNotExist) {
		if err = dirs.Make(s.users(name), 0o700); err == nil {
			err = os.Symlink(string(by), filepath.Join(s.users(name), by.Hash()))
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Release notes that a container no longer uses a volume. It succeeds if it did not.
func (s *Store) Release(ctx context.Context, name string, by mctr.ContainerID) error {
	user := filepath.Join(s.users(name), by.Hash())
	if _, err := os.Lstat(user); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	l, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer l.Unlock()
	v, err := s.Get(name)
	if err == nil && v.IsLimited() {
		err = s.closeUnlessUsed(ctx, *v, by)
	}
	if err != nil && !errors.Is(err, mctr.ErrNotFound) {
		return fmt.Errorf("release volume %s: %w", name, err)
	}
	if err := os.Remove(user); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("release volume %s: %w", name, err)
	}
	return nil
}

// closeUnlessUsed unmounts a volume with limits unless a container other than one uses it.
func (s *Store) closeUnlessUsed(ctx context.Context, v mctr.NamedVolume, other mctr.ContainerID) error {
	users, err := s.Users(v.Name)
	if err != nil || slices.ContainsFunc(users, func(id mctr.ContainerID) bool { return id != other }) {
		return err
	}
	return s.limited.close(ctx, v)
}

// Users returns the containers that have the volume prepared, sorted.
func (s *Store) Users(name string) (users []mctr.ContainerID, err error) {
	entries, err := os.ReadDir(s.users(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("users of volume %s: %w", name, err)
	}
	for _, e := range entries {
		id, err := os.Readlink(filepath.Join(s.users(name), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // released meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("users of volume %s: %w", name, err)
		}
		users = append(users, mctr.ContainerID(id))
	}
	slices.Sort(users)
	return users, nil
}

// UsedBy returns the names of the volumes that a container has prepared.
func (s *Store) UsedBy(id mctr.ContainerID) (names []string, err error) {
	entries, err := os.ReadDir(s.state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if _, err := os.Lstat(filepath.Join(s.users(e.Name()), id.Hash())); err == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
