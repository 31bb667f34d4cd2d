package quota

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// schema is the version of a Record. A record of a newer version is refused and left unchanged.
const schema = 1

// The states of a limited directory.
const (
	Making   = "making"   // Make has begun; Make continues, Remove undoes it
	Ready    = "ready"    // the limits are enforced; with loop, once it is mounted
	Changing = "changing" // Change has begun; Change, Make and Mount finish it
	Removing = "removing" // Remove has begun; Remove finishes it
	Orphaned = "orphaned" // only in List: a project id of the range that the kernel limits, without a record
)

// A Record is about one limited directory.
type Record struct {
	Schema int    `json:"schema"`
	Dir    string `json:"dir"` // absolute, without symbolic links
	Owner  string `json:"owner"`
	Means  Means  `json:"means"`
	Limits Limits `json:"limits"` // as asked for
	State  string `json:"state"`

	ID        uint32 `json:"id,omitempty"`        // the project id
	Subvolume uint64 `json:"subvolume,omitempty"` // btrfs: the id of the subvolume and of its qgroup
	// Adopted means that the directory existed before Make. Until it is Ready, it is not ours to
	// delete.
	Adopted bool `json:"adopted,omitempty"`

	// lock is held during a call. The programs that the call runs inherit it: if this process is
	// killed, no other process touches the directory before they have ended.
	lock *flock.Lock
}

// path returns the path of a file about dir.
func (s *Store) path(dir, ext string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(s.Records, hex.EncodeToString(sum[:16])+ext)
}

// load returns the record of dir. The error wraps fs.ErrNotExist if dir has none.
func (s *Store) load(dir string) (*Record, error) {
	path := s.path(dir, ".json")
	r, err := read(path)
	if err == nil && r.Dir != dir {
		return nil, fmt.Errorf("%w: %s is the record of %q, not of %s", mctr.ErrInvalid, path, r.Dir, dir)
	}
	return r, err
}

func read(path string) (*Record, error) {
	r := &Record{}
	if err := atomicfile.ReadJSON(path, r); err != nil {
		return nil, err
	}
	if r.Schema > schema {
		return r, fmt.Errorf("%w: %s has schema %d: this mctr reads up to %d", mctr.ErrUnsupported, path, r.Schema,
			schema)
	}
	return r, nil
}

// save writes r durably, because what it is about survives a loss of power too.
func (s *Store) save(r *Record) error {
	return atomicfile.WriteDurableJSON(s.path(r.Dir, ".json"), r)
}

// records returns all records that can be read, and the errors of the others joined. Of a record of
// a newer version it returns what this build understands.
func (s *Store) records() (all []*Record, err error) {
	entries, err := os.ReadDir(s.Records)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" || atomicfile.IsTemp(e.Name()) {
			continue
		}
		r, err := read(filepath.Join(s.Records, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since the directory was read
		}
		if errs = append(errs, err); r != nil {
			all = append(all, r)
		}
	}
	return all, errors.Join(errs...)
}
