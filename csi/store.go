package csi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/fields"
	"github.com/mctr/mctr/internal/flock"
)

// A Store is everything about CSI volumes that is on disk. Its methods are safe for several processes
// as far as their callers hold the volume's lock.
type Store struct{ dir string }

// NewStore returns the store below root, the ROOT of the containerizer. It makes nothing.
func NewStore(root string) *Store { return &Store{dir: filepath.Join(root, "csi")} }

// Dir returns ROOT/csi.
func (s *Store) Dir() string { return s.dir }

// StagingPath returns the staging_target_path of a volume. It is a hash of plugin, volume id and owner,
// so that it differs for two owners that use one name.
func (s *Store) StagingPath(r *Record) string {
	return filepath.Join(s.dir, "staging", hashOf(r.Volume.Plugin, r.ID, r.Volume.Owner))
}

// TargetDir returns the directory of the target paths of a volume, in which each container has one.
func (s *Store) TargetDir(r *Record) string {
	return filepath.Join(s.dir, "targets", hashOf(r.Volume.Plugin, r.ID, r.Volume.Owner))
}

// TargetPath returns the target_path of a volume for a container that has none yet; later the record
// has it.
func (s *Store) TargetPath(r *Record, container mctr.ContainerID) string {
	return filepath.Join(s.TargetDir(r), string(container))
}

func (s *Store) recordPath(key string) string { return filepath.Join(s.dir, "volumes", key+".json") }

// Lock waits until this process alone works on a volume, or ctx ends.
func (s *Store) Lock(ctx context.Context, key string) (*flock.Lock, error) {
	return s.lock(ctx, "volumes", key)
}

// LockSnapshot is Lock for a snapshot.
func (s *Store) LockSnapshot(ctx context.Context, key string) (*flock.Lock, error) {
	return s.lock(ctx, "snapshots", key)
}

func (s *Store) lock(ctx context.Context, kind, key string) (*flock.Lock, error) {
	dir := filepath.Join(s.dir, kind)
	if err := dirs.MakeAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := flock.Exclusive(ctx, filepath.Join(dir, key+".lock"))
	if err != nil {
		return nil, &Error{Kind: KindPending, Message: fmt.Sprintf("another process works on it: %v", err)}
	}
	return l, nil
}

// Unlock releases a lock of Lock or LockSnapshot, and removes its file if there is no record to lock.
func (s *Store) Unlock(l *flock.Lock) {
	record := strings.TrimSuffix(l.File().Name(), ".lock") + ".json"
	if _, err := os.Lstat(record); errors.Is(err, fs.ErrNotExist) {
		_ = l.Remove() // an empty file at most is left
	}
	l.Unlock()
}

// Read returns the record of a volume. The error wraps fs.ErrNotExist if there is none, and
// mctr.ErrUnsupported if a newer version wrote it.
func (s *Store) Read(key string) (*Record, error) {
	data, err := atomicfile.Read(s.recordPath(key))
	if err != nil {
		return nil, err
	}
	r, err := ParseRecord(data)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", s.recordPath(key), err)
	}
	if r.Volume.Key() != key {
		return nil, fmt.Errorf("record %s is that of volume %s", s.recordPath(key), &r.Volume)
	}
	return r, nil
}

// ParseRecord decodes a record. The error wraps mctr.ErrUnsupported if a newer version wrote it.
func ParseRecord(data []byte) (*Record, error) {
	r := &Record{}
	if err := parseVersioned(data, r); err != nil {
		return nil, err
	}
	for container, reference := range r.References {
		if reference == nil || !filepath.IsAbs(reference.Target) {
			return nil, fmt.Errorf("reference of container %s: the target path is not valid", container)
		}
		if err := container.Validate(); err != nil {
			return nil, err
		}
	}
	if r.Staging != nil && !filepath.IsAbs(r.Staging.Path) {
		return nil, errors.New("the staging path is not valid")
	}
	if r.References == nil {
		r.References = map[mctr.ContainerID]*Reference{}
	}
	return r, r.Volume.Validate()
}

// parseVersioned decodes a record of any kind into v, which must not have fields that v lacks.
func parseVersioned(data []byte, v any) error {
	head := struct {
		Version int `json:"version"`
	}{}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Version != RecordVersion {
		return fmt.Errorf("%w: version %d: this build knows version %d (use the build that wrote it)",
			mctr.ErrUnsupported, head.Version, RecordVersion)
	}
	return fields.Decode(data, v)
}

// Write replaces the record of a volume. It costs one fsync; a durable one, for what outlives a reboot,
// costs two. A loss of power never leaves a part of a record.
func (s *Store) Write(r *Record, durable bool) error {
	r.Version = RecordVersion
	return write(s.recordPath(r.Volume.Key()), r, durable)
}

func write(path string, v any, durable bool) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if durable {
		return atomicfile.WriteDurable(path, data, 0o600)
	}
	return atomicfile.WriteSynced(path, data, 0o600)
}

// Remove removes the record of a volume, the claim of its id, and its directory of targets, which is
// empty. The caller holds the lock.
func (s *Store) Remove(r *Record) error {
	err := os.Remove(s.recordPath(r.Volume.Key()))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if r.ID == "" {
		return err
	}
	unneeded := []string{s.TargetDir(r)}
	if held, e := atomicfile.Read(s.claimPath(r)); e == nil && string(held) == r.Volume.Key() {
		unneeded = append(unneeded, s.claimPath(r))
	}
	for _, path := range unneeded {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Keys lists the volumes that have records, sorted.
func (s *Store) Keys() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "volumes"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var keys []string
	for _, e := range entries {
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok && !atomicfile.IsTemp(e.Name()) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, err
}

// claimPath is that of the claim of an id of a plugin. It is of one record, whose volume is staged once
// on a node (spec, RPC interactions and reference counting), by whatever names it is used.
func (s *Store) claimPath(r *Record) string {
	return filepath.Join(s.dir, "ids", hashOf(r.Volume.Plugin, r.ID))
}

// Claim makes the record the only one of its volume id. The error is of KindInUse if another record has
// the id, and names its volume.
func (s *Store) Claim(r *Record) error {
	path, key := s.claimPath(r), r.Volume.Key()
	if err := dirs.MakeAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	held, err := atomicfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := link(path, key); !errors.Is(err, fs.ErrExist) {
			return err
		}
		held, err = atomicfile.Read(path) // another process was faster
	}
	if err != nil || string(held) == key {
		return err
	}
	holder, err := s.Read(string(held))
	if errors.Is(err, fs.ErrNotExist) { // its process was killed before it wrote the record, or after it removed it
		return atomicfile.Write(path, []byte(key), 0o600)
	}
	name := "of record " + string(held)
	if err == nil {
		name = holder.Volume.String()
	}
	return &Error{Kind: KindInUse, Volume: r.Volume.String(),
		Message: fmt.Sprintf("volume id %q is in use as %s", r.ID, name)}
}

// link makes a file with its content at once. The error wraps fs.ErrExist if it exists.
func link(path, content string) error {
	whole := filepath.Join(filepath.Dir(path), atomicfile.TempPrefix+content)
	if err := os.WriteFile(whole, []byte(content), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Link(whole, path), os.Remove(whole))
}

// Boot returns the id of this boot.
func Boot() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}
