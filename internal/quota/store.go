package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/helper"
)

// A Config says where a Store works, and what it may use.
type Config struct {
	Dir     string // limited directories are below Dir, on the same mount
	Records string // the directory of records and locks, made if it is missing; not below a limited directory

	// Means is the only means to use; "": the best one of Dir's filesystem.
	Means Means
	// Helper mounts and unmounts; nil: without loop.
	Helper *helper.Runner
	// FirstID and LastID are the range of project ids that belong to Records; zero: 0x6d630000 to
	// 0x6d63ffff. Stores with other Records on the same filesystem need other ranges.
	FirstID, LastID uint32
	// EnableQuota permits to enable the quotas of a btrfs whose quotas are off. This slows down the
	// whole filesystem and is not undone. Without it, such a filesystem uses loop.
	EnableQuota bool
}

// A Store makes limited directories below one directory, and owns their project ids. It keeps
// nothing in memory: stores of several processes with the same Config are one store.
type Store struct {
	Config
	projects string // projects(5)
}

// The default range of project ids: "mc" and 16 bits.
const (
	firstID = 0x6d630000
	lastID  = 0x6d63ffff
)

// Open returns a Store. It does not touch the disk.
func Open(c Config) *Store {
	if c.FirstID == 0 && c.LastID == 0 {
		c.FirstID, c.LastID = firstID, lastID
	}
	return &Store{Config: c, projects: "/etc/projects"}
}

// Below returns the Store of one ROOT of mctr, which all of mctr's processes use: its records are in
// ROOT/quota. helperPath is the path of mctr-helper.
func Below(root, helperPath string) *Store {
	return Open(Config{Dir: root, Records: filepath.Join(root, "quota"), Helper: &helper.Runner{Helper: helperPath}})
}

// locked runs f with dir's record, holding its lock. If dir has no record, f gets one without a
// State. An error names verb and dir.
func (s *Store) locked(ctx context.Context, verb, dir string, f func(*Record) error) error {
	resolved, err := s.resolve(dir)
	if err == nil {
		dir = resolved
		err = s.lockAndRun(ctx, dir, f)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, dir, err)
	}
	return nil
}

func (s *Store) lockAndRun(ctx context.Context, dir string, f func(*Record) error) error {
	if err := dirs.MakeAll(s.Records, 0o700); err != nil {
		return err
	}
	lock, err := flock.Exclusive(ctx, s.path(dir, ".lock"))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	r, err := s.load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		r, err = &Record{Schema: schema, Dir: dir}, nil
	}
	if err != nil {
		return err
	}
	r.lock = lock
	err = f(r)
	if _, missing := s.load(dir); errors.Is(missing, fs.ErrNotExist) {
		return errors.Join(err, lock.Remove())
	}
	return err
}

// resolve returns the absolute path of dir without symbolic links; it must be below the store's
// directory.
func (s *Store) resolve(dir string) (string, error) {
	above, err := dirs.Resolve(s.Dir)
	if err != nil {
		return "", err
	}
	if dir, err = dirs.Resolve(dir); err != nil {
		return "", err
	}
	if !strings.HasPrefix(dir, strings.TrimSuffix(above, "/")+"/") {
		return "", fmt.Errorf("%w: it is not below %s", mctr.ErrInvalid, above)
	}
	return dir, nil
}

// sameMount returns an error if dir's parent is on another mount than the store's directory.
func (s *Store) sameMount(dir string) error {
	var of [2]unix.Statx_t
	for i, path := range []string{s.Dir, filepath.Dir(dir)} {
		if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MNT_ID, &of[i]); err != nil {
			return &fs.PathError{Op: "statx", Path: path, Err: err}
		}
	}
	if of[0].Mnt_id != of[1].Mnt_id {
		return fmt.Errorf("%w: it is on another mount than %s", mctr.ErrInvalid, s.Dir)
	}
	return nil
}
