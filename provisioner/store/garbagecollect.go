package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/tree"
)

// A Sweep configures Store.Sweep.
type Sweep struct {
	// Untag selects the references to remove, given the leases by holder; nil selects none. An
	// error ends the sweep before anything is removed.
	Untag  func(all []*Image, held map[string]*Image) ([]*Image, error)
	DryRun bool // only report what would be removed
	Try    bool // return at once, instead of waiting, if another process provisions
}

// A Report lists what a sweep removed or would remove.
type Report struct {
	Untagged  []string `json:"untagged"`  // references
	Blobs     []string `json:"blobs"`     // digests
	Layers    []string `json:"layers"`    // keys
	Temporary []string `json:"temporary"` // leftovers of pulls that died
	Bytes     int64    `json:"bytes"`     // on disk, of blobs and layers
}

// Sweep removes references, and then every blob and layer that neither a reference nor a lease
// needs. It waits until no process provisions. It continues after errors and returns them joined.
func (s *Store) Sweep(ctx context.Context, w Sweep) (Report, error) {
	if _, err := os.Stat(s.root); errors.Is(err, os.ErrNotExist) {
		return Report{}, nil
	}
	take := s.exclusive
	if w.Try {
		take = func(context.Context) (*flock.Lock, error) { return flock.TryExclusive(s.path("lock")) }
	}
	lock, err := take(ctx)
	if w.Try && errors.Is(err, flock.ErrHeld) {
		return Report{}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("lock image store: %w", err)
	}
	r, errs := s.sweep(w)
	lock.Unlock()
	if w.DryRun {
		return r, errors.Join(errs...)
	}
	return r, errors.Join(append(errs, s.emptyTrash(r.Temporary))...)
}

// sweep moves objects into the trash, which is quick, because launches have to wait meanwhile.
// Sweep empties the trash after it has released the lock.
func (s *Store) sweep(w Sweep) (r Report, errs []error) {
	all, err := s.Images()
	if err != nil {
		return r, []error{err}
	}
	held, err := s.Leases()
	if err != nil {
		return r, []error{err}
	}
	var untag []*Image
	if w.Untag != nil {
		if untag, err = w.Untag(all, held); err != nil {
			return r, []error{err}
		}
	}
	g := &sweeper{store: s, dry: w.DryRun, report: &r}
	g.untag(untag)
	g.sweepRefs(all)
	keep := slices.DeleteFunc(slices.Clone(all), func(i *Image) bool { return slices.Contains(untag, i) })
	for _, img := range held {
		keep = append(keep, img)
	}
	g.sweepTemporary()
	g.sweepBlobs(keep)
	g.sweepLayers(keep)
	return r, g.errs
}

// emptyTrash removes what is in the trash.
func (s *Store) emptyTrash(names []string) error {
	if err := failpoint.Hit(PointTrash); err != nil {
		return err
	}
	trash, err := filepath.Glob(s.path("tmp", "trash-*"))
	errs := []error{err}
	for _, t := range trash {
		errs = append(errs, tree.Remove(t))
	}
	return errors.Join(errs...)
}

// discard moves a file or directory of the store into the trash.
func (s *Store) discard(parts ...string) error {
	if err := failpoint.Hit(PointSweep); err != nil {
		return err
	}
	trash, err := s.TempDir("trash")
	if err != nil {
		return err
	}
	path := s.path(parts...)
	if err := os.Rename(path, filepath.Join(trash, filepath.Base(path))); err != nil {
		_ = os.Remove(trash)
		return err
	}
	return nil
}
