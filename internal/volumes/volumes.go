// Package volumes stores the named volumes of a host: the record of each, and the files of local
// ones. Drivers keep the storage of the others.
//
// On disk: ROOT/volumes/NAME with volume.json, the record; data, the files of a local volume without
// limits; and copying, as long as data is being filled from an image. A volume appears under its name, and
// disappears from it, by one rename: one that is being made is .new-NAME, one that is being removed
// .old-NAME. STATE/volumes/NAME has a lock, and in users a symbolic link for each container that has
// the volume prepared, which leads to the container's id. The files of a volume with limits are in
// ROOT/limited/NAME, which package quota limits. In the kernel: their limits, or while a container uses
// the volume, their mount. ROOT survives a reboot; STATE does not, and no container that used a volume
// does.
package volumes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/quota"
)

// A Store has the volumes of one ROOT and STATE. Its methods are safe for concurrent use by several
// processes.
type Store struct {
	root, state string
	limited     limited
	drivers     []mctr.VolumeDriver
}

// A Config says where a Store works.
type Config struct {
	Root, State string // need not exist
	Helper      string // the path of mctr-helper, which mounts volumes with limits
	Drivers     []mctr.VolumeDriver
}

// New returns the store of c's directories.
func New(c Config) *Store {
	return &Store{
		root: filepath.Join(c.Root, "volumes"), state: filepath.Join(c.State, "volumes"), drivers: c.Drivers,
		limited: limited{dir: filepath.Join(c.Root, "limited"), quotas: quota.Below(c.Root, c.Helper)},
	}
}

// driver returns the driver of a volume, or nil for a local one without limits.
func (s *Store) driver(v mctr.NamedVolume) (mctr.VolumeDriver, error) {
	switch {
	case v.Driver == mctr.DriverLocal && v.IsLimited():
		return s.limited, nil
	case v.Driver == mctr.DriverLocal:
		return nil, nil
	}
	names := mctr.DriverLocal
	for _, d := range s.drivers {
		if d.Name() == v.Driver {
			return d, nil
		}
		names += ", " + d.Name()
	}
	return nil, fmt.Errorf("%w: volume %s: driver %s: want one of %s", mctr.ErrInvalid, v.Name, v.Driver, names)
}

// Prefixes of volumes that are being made and removed. No volume has such a name.
const (
	making   = ".new-"
	removing = ".old-"
)

func (s *Store) dir(name string) string    { return filepath.Join(s.root, name) }
func (s *Store) record(name string) string { return filepath.Join(s.root, name, "volume.json") }
func (s *Store) users(name string) string  { return filepath.Join(s.state, name, "users") }

// Data returns the directory of a local volume's files.
func (s *Store) Data(v mctr.NamedVolume) string {
	if v.IsLimited() {
		return s.limited.data(v.Name)
	}
	return filepath.Join(s.root, v.Name, "data")
}

// lock locks a volume, which need not exist, against other processes.
func (s *Store) lock(ctx context.Context, name string) (*flock.Lock, error) {
	if err := mctr.ValidateVolumeName(name); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.state, name)
	for {
		if err := dirs.MakeAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("lock volume %s: %w", name, err)
		}
		l, err := flock.Exclusive(ctx, filepath.Join(dir, "lock"))
		if os.IsNotExist(err) && ctx.Err() == nil {
			continue // the volume was removed just now, with its directory
		}
		if err != nil {
			return nil, fmt.Errorf("lock volume %s: %w", name, err)
		}
		return l, nil
	}
}
