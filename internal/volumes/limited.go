package volumes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/quota"
)

// limited is the driver of local volumes with limits.
type limited struct {
	dir    string
	quotas *quota.Store
}

func (limited) Name() string { return mctr.DriverLocal }

func (l limited) data(name string) string { return filepath.Join(l.dir, name) }

func limits(v mctr.NamedVolume) quota.Limits { return quota.Limits{Bytes: v.Size, Inodes: v.Inodes} }

// Create implements mctr.VolumeDriver.
func (l limited) Create(ctx context.Context, v mctr.NamedVolume) (mctr.NamedVolume, error) {
	if err := checkLocal(v); err != nil {
		return v, err
	}
	if err := dirs.MakeAll(l.dir, 0o711); err != nil {
		return v, err
	}
	data := l.data(v.Name)
	if err := l.quotas.Make(ctx, data, "volume "+v.Name, limits(v)); err != nil {
		return v, err
	}
	if err := l.quotas.Mount(ctx, data); err != nil {
		return v, err
	}
	return v, errors.Join(os.Chmod(data, 0o755), l.close(ctx, v))
}

// Remove implements mctr.VolumeDriver.
func (l limited) Remove(ctx context.Context, v mctr.NamedVolume) error {
	return quota.Patiently(ctx, func() error { return l.quotas.Remove(ctx, l.data(v.Name)) })
}

// Usage implements mctr.VolumeDriver.
func (l limited) Usage(ctx context.Context, v mctr.NamedVolume) (*mctr.VolumeUsage, error) {
	u, err := l.quotas.Usage(ctx, l.data(v.Name))
	return &mctr.VolumeUsage{Bytes: u.Bytes, Inodes: u.Inodes}, err
}

// Mounted returns the directory of a local volume's files, or "" if they are in a filesystem that is not
// mounted.
func (s *Store) Mounted(name string) (dir string, err error) {
	v, err := s.Get(name)
	if err != nil {
		return "", err
	}
	if v.IsLimited() {
		if mounted, err := s.limited.quotas.Mounted(s.Data(*v)); !mounted || err != nil {
			return "", err
		}
	}
	return s.Data(*v), nil
}

// open mounts the filesystem of a volume, if it has one of its own.
func (l limited) open(ctx context.Context, v mctr.NamedVolume) error {
	return l.quotas.Mount(ctx, l.data(v.Name))
}

// close unmounts what open mounted.
func (l limited) close(ctx context.Context, v mctr.NamedVolume) error {
	return quota.Patiently(ctx, func() error { return l.quotas.Unmount(ctx, l.data(v.Name)) })
}

// Expand makes a local volume with limits larger. The error wraps mctr.ErrState if a container uses a
// volume whose filesystem cannot grow meanwhile, and mctr.ErrInvalid for a size that is not larger.
func (s *Store) Expand(ctx context.Context, name string, size int64) (*mctr.NamedVolume, error) {
	l, err := s.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	v, err := s.Get(name)
	if err != nil {
		return nil, err
	}
	driver, err := s.driver(*v)
	if err != nil {
		return nil, err
	}
	expander, ok := driver.(mctr.VolumeExpander)
	switch {
	case v.Size == 0:
		return nil, fmt.Errorf("%w: volume %s was created without a size", mctr.ErrState, name)
	case !ok:
		return nil, fmt.Errorf("%w: expand volume %s: driver %s cannot", mctr.ErrUnsupported, name, v.Driver)
	case size <= v.Size:
		return nil, fmt.Errorf("%w: expand volume %s: its size is %d, and a volume never shrinks: want more than that",
			mctr.ErrInvalid, name, v.Size)
	}
	expanded, err := expander.Expand(ctx, *v, size)
	if err != nil {
		return nil, fmt.Errorf("expand volume %s: %w", name, err)
	}
	return &expanded, s.write(s.dir(name), expanded)
}

// Expand implements mctr.VolumeExpander.
func (l limited) Expand(ctx context.Context, v mctr.NamedVolume, size int64) (mctr.NamedVolume, error) {
	v.Size = size
	return v, l.quotas.Change(ctx, l.data(v.Name), limits(v))
}
