package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/tree"
)

// schema is the version of the record. Newer ones are refused, and their volumes left alone.
const schema = 1

type record struct {
	Schema int `json:"schema"`
	mctr.NamedVolume
}

// Create makes a volume and returns it. A volume that exists with the same properties is returned as it
// is, as with docker; the error wraps mctr.ErrExists if its properties are others.
func (s *Store) Create(ctx context.Context, v mctr.NamedVolume) (*mctr.NamedVolume, error) {
	l, err := s.lock(ctx, v.Name)
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	return s.create(ctx, v, nil)
}

func (s *Store) create(ctx context.Context, v mctr.NamedVolume, first *Content) (*mctr.NamedVolume, error) {
	if v.Driver == "" {
		v.Driver = mctr.DriverLocal
	}
	there, err := s.Get(v.Name)
	switch {
	case err == nil && !same(v, *there):
		return nil, fmt.Errorf("%w: volume %s, with another driver, size, labels or options", mctr.ErrExists,
			v.Name)
	case !errors.Is(err, mctr.ErrNotFound):
		return there, err
	}
	driver, err := s.driver(v)
	if err != nil {
		return nil, err
	}
	v.Created = time.Now().UTC()
	if driver != nil {
		err = s.makeBy(ctx, driver, &v)
	} else if err = checkLocal(v); err == nil {
		err = s.make(v, first)
	}
	return &v, err
}

// same returns true if the volume there has the properties that are asked for. A driver may have added
// options.
func same(asked, there mctr.NamedVolume) bool {
	for key, value := range asked.Options {
		if have, ok := there.Options[key]; !ok || have != value {
			return false
		}
	}
	return asked.Driver == there.Driver && asked.Size == there.Size && asked.Inodes == there.Inodes &&
		maps.Equal(asked.Labels, there.Labels)
}

// write writes the record of a volume in dir.
func (s *Store) write(dir string, v mctr.NamedVolume) error {
	return atomicfile.WriteDurableJSON(filepath.Join(dir, "volume.json"), record{schema, v})
}

func checkLocal(v mctr.NamedVolume) error {
	for key := range v.Options {
		return fmt.Errorf("%w: volume %s: option %s: the local driver has no such option", mctr.ErrInvalid, v.Name, key)
	}
	return nil
}

// makeBy has a driver make the storage. The record is written first, so that what a killed driver has
// made is found and removed.
func (s *Store) makeBy(ctx context.Context, driver mctr.VolumeDriver, v *mctr.NamedVolume) error {
	unfinished := filepath.Join(s.root, making+v.Name)
	err := dirs.MakeAll(unfinished, 0o711)
	if err == nil {
		err = s.write(unfinished, *v)
	}
	if err == nil {
		err = failpoint.Hit("volume/recorded")
	}
	var made mctr.NamedVolume
	if err == nil {
		made, err = driver.Create(ctx, *v)
	}
	if err == nil {
		*v = made
		err = s.write(unfinished, made)
	}
	if err == nil {
		err = os.Rename(unfinished, s.dir(v.Name))
	}
	if err == nil {
		return atomicfile.SyncDir(s.root)
	}
	undone := driver.Remove(context.WithoutCancel(ctx), *v)
	if undone == nil {
		undone = tree.Remove(unfinished)
	}
	return fmt.Errorf("make volume %s: %w", v.Name, errors.Join(err, undone))
}

// make makes the volume, with its first content, under another name, so that a process that is killed
// leaves no half of a volume.
func (s *Store) make(v mctr.NamedVolume, first *Content) error {
	unfinished := filepath.Join(s.root, making+v.Name)
	if err := tree.Remove(unfinished); err != nil {
		return err
	}
	if err := dirs.MakeAll(unfinished, 0o711); err != nil {
		return fmt.Errorf("make volume %s: %w", v.Name, err)
	}
	write, data := atomicfile.WriteDurableJSON, filepath.Join(unfinished, "data")
	if v.Container != "" {
		write = atomicfile.WriteJSON // it shares the fate of its container, whose files are not synced either
	}
	err := dirs.Make(data, 0o755)
	if err == nil && first != nil {
		err = first.Write(data)
	}
	if err == nil && first != nil && first.Files && v.Container == "" {
		err = syncFilesystem(data)
	}
	if err == nil {
		err = write(filepath.Join(unfinished, "volume.json"), record{schema, v})
	}
	if err == nil {
		err = failpoint.Hit("volume/made")
	}
	if err == nil {
		err = os.Rename(unfinished, s.dir(v.Name))
	}
	if err == nil && v.Container == "" {
		err = atomicfile.SyncDir(s.root)
	}
	if err != nil {
		return fmt.Errorf("make volume %s: %w", v.Name, errors.Join(err, tree.Remove(unfinished)))
	}
	return nil
}

// Get returns a volume. The error wraps mctr.ErrNotFound if it does not exist, and mctr.ErrUnsupported
// if a newer build wrote its record.
func (s *Store) Get(name string) (*mctr.NamedVolume, error) {
	if err := mctr.ValidateVolumeName(name); err != nil {
		return nil, err
	}
	r, err := read(s.record(name), name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: volume %s", mctr.ErrNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	return &r.NamedVolume, nil
}

// read reads the record of a volume. The error wraps fs.ErrNotExist if there is none.
func read(path, name string) (*record, error) {
	r := &record{}
	err := atomicfile.ReadJSON(path, r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("volume %s: %w", name, err)
	case r.Schema > schema:
		return nil, fmt.Errorf("%w: volume %s: its record, %s, is of a newer build: schema %d, this build knows %d",
			mctr.ErrUnsupported, name, path, r.Schema, schema)
	case r.Name != name:
		return nil, fmt.Errorf("%w: volume %s: its record, %s, is of volume %q", mctr.ErrInvalid, name, path, r.Name)
	}
	return r, nil
}

// List returns the volumes, sorted by name. The error is about volumes that cannot be read.
func (s *Store) List() (list []mctr.NamedVolume, err error) {
	entries, err := os.ReadDir(s.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	for _, e := range entries {
		if mctr.ValidateVolumeName(e.Name()) != nil {
			continue
		}
		v, err := s.Get(e.Name())
		if err == nil {
			list = append(list, *v)
		} else if !errors.Is(err, mctr.ErrNotFound) { // removed meanwhile
			errs = append(errs, err)
		}
	}
	return list, errors.Join(errs...)
}

// Adopt makes a volume of a directory, which moves into the store. It does nothing if the volume exists.
func (s *Store) Adopt(ctx context.Context, v mctr.NamedVolume, dir string) error {
	l, err := s.lock(ctx, v.Name)
	if err != nil {
		return err
	}
	defer l.Unlock()
	if _, err := s.create(ctx, v, nil); err != nil {
		return err
	}
	data := s.Data(v)
	empty, err := isEmpty(data)
	if err != nil || !empty {
		return err
	}
	if err := unix.Rename(dir, data); err != nil { // os.Rename replaces no directory
		return fmt.Errorf("volume %s: move %s into it: %w", v.Name, dir, err)
	}
	return nil
}
