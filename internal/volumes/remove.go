package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/tree"
)

// Remove removes a volume with its files. The error wraps mctr.ErrState while a container has the volume
// prepared or something is mounted in it. inUse, if not nil, is asked once no other process can prepare
// the volume; an error of it keeps the volume.
func (s *Store) Remove(ctx context.Context, name string, inUse func() error) error {
	l, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer l.Unlock()
	v, err := s.Get(name)
	if errors.Is(err, mctr.ErrNotFound) {
		s.forget(name, l)
	}
	if err != nil {
		return err
	}
	driver, err := s.driver(*v)
	if err != nil {
		return err
	}
	if err := s.checkUnused(name); err != nil {
		return err
	}
	if inUse != nil {
		if err := inUse(); err != nil {
			return err
		}
	}
	if driver != nil {
		if err := driver.Remove(ctx, *v); err != nil {
			return fmt.Errorf("remove volume %s: %w", name, err)
		}
	}
	if err := s.discard(name); err != nil {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	s.forget(name, l)
	return nil
}

func (s *Store) checkUnused(name string) error {
	users, err := s.Users(name)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return fmt.Errorf("%w: volume %s is in use by container %s (stop it first)", mctr.ErrState, name,
			users[0].Short())
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(s.dir(name)))
	if err != nil {
		return err
	}
	if len(mounts) > 0 {
		return fmt.Errorf("%w: volume %s: %s is a mount point (unmount it first)", mctr.ErrState, name,
			mounts[0].Mountpoint)
	}
	return nil
}

// discard gives the volume's files another name, so that no process sees a part of them, and removes
// them.
func (s *Store) discard(name string) error {
	doomed := filepath.Join(s.root, removing+name)
	if err := tree.Remove(doomed); err != nil {
		return err
	}
	if err := os.Rename(s.dir(name), doomed); err != nil {
		return err
	}
	if err := failpoint.Hit("volume/discarded"); err != nil {
		return err
	}
	return errors.Join(tree.Remove(doomed), atomicfile.SyncDir(s.root))
}

// forget removes what STATE has of a volume that does not exist. The caller holds its lock.
func (s *Store) forget(name string, l *flock.Lock) {
	// What cannot be removed holds no data, and the next volume of this name uses it.
	_ = os.Remove(s.users(name))
	_ = l.Remove()
	_ = os.Remove(filepath.Join(s.state, name))
}

// Leftovers returns what processes that were killed left: volumes half made and half removed, and notes
// of users that known does not have.
func (s *Store) Leftovers(known func(mctr.ContainerID) bool) (found []mctr.Leftover, err error) {
	entries, err := os.ReadDir(s.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), making) || strings.HasPrefix(e.Name(), removing) {
			found = append(found, mctr.Leftover{Kind: "directory", Object: s.dir(e.Name()),
				Why: "the process that made or removed this volume was killed", Undo: "remove it"})
		}
	}
	names, err := os.ReadDir(s.state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, name := range names {
		users, err := s.Users(name.Name())
		if err != nil {
			return nil, err
		}
		for _, id := range users {
			if !known(id) {
				found = append(found, mctr.Leftover{Kind: "volume", Object: name.Name(), Owner: id,
					Why: "the container that used it does not exist", Undo: "note that it is not used"})
			}
		}
	}
	return found, nil
}

// Undo removes a volume that is half made or half removed, unless a process is at work on it.
func (s *Store) Undo(ctx context.Context, l mctr.Leftover) error {
	half := filepath.Base(l.Object)
	name := strings.TrimPrefix(strings.TrimPrefix(half, making), removing)
	if l.Kind != "directory" || half == name || l.Object != s.dir(half) {
		return fmt.Errorf("%w: %s", mctr.ErrUnsupported, l)
	}
	lock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	r, err := read(filepath.Join(l.Object, "volume.json"), name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		driver, err := s.driver(r.NamedVolume)
		if err == nil && driver != nil {
			err = driver.Remove(ctx, r.NamedVolume)
		}
		if err != nil {
			return fmt.Errorf("remove what is left of volume %s: %w", name, err)
		}
	}
	return tree.Remove(l.Object)
}

// Usage returns what a volume occupies; nil if its driver cannot know it.
func (s *Store) Usage(ctx context.Context, v mctr.NamedVolume) (*mctr.VolumeUsage, error) {
	driver, err := s.driver(v)
	if err != nil {
		return nil, err
	}
	if driver != nil {
		return driver.Usage(ctx, v)
	}
	root, err := os.Open(s.Data(v))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	u := &mctr.VolumeUsage{}
	u.Bytes, u.Inodes, err = tree.Usage(ctx, root)
	return u, err
}
