package reconcile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/isolators"
)

// Undo has the isolator that reported a leftover of no container undo it. The error wraps
// mctr.ErrUnsupported if this process lacks the isolator.
func (s *Scanner) Undo(ctx context.Context, l mctr.Leftover) error {
	for _, i := range s.Isolators {
		if u, ok := i.(isolators.Undoer); ok && i.Name() == l.Isolator {
			return u.Undo(ctx, l)
		}
	}
	return fmt.Errorf("%w: no isolator %s", mctr.ErrUnsupported, l.Isolator)
}

// Sweep removes leftovers that belong to no container: files, and leases of processes. A container
// that was created since the scan may own such a file now: names and locks are removed under the
// locks under which they are made.
func (s *Scanner) Sweep(ctx context.Context, found []mctr.Leftover) error {
	var errs []error
	for _, l := range found {
		if l.Kind == kindLease && l.Owner == "" {
			errs = append(errs, s.Images.Release(l.Object))
		}
		if l.Kind == kindFile {
			errs = append(errs, s.removeFile(ctx, l.Object))
		}
	}
	return errors.Join(errs...)
}

func (s *Scanner) removeFile(ctx context.Context, path string) error {
	dir, name := filepath.Split(path)
	switch {
	case atomicfile.IsTemp(name):
		return store.Remove(path)
	case filepath.Clean(dir) == s.Store.Names():
		return s.Store.FreeStaleName(ctx, name)
	}
	return s.Store.Container(mctr.ContainerID(name)).RemoveStaleLock(ctx)
}

// UndoRest scans again, for leftovers that were found before and are still there. It has isolators
// undo those of no container, and returns an error for each of the others, except those of containers
// for which except returns true.
func (s *Scanner) UndoRest(ctx context.Context, found []mctr.Leftover, except func(mctr.ContainerID) bool) error {
	left, err := s.Scan(ctx)
	errs := []error{err}
	for _, l := range left {
		known := slices.ContainsFunc(found, func(f mctr.Leftover) bool {
			return f.Kind == l.Kind && f.Object == l.Object && f.Owner == l.Owner
		})
		switch {
		case !known || l.Owner != "" && except(l.Owner):
		case l.Owner == "" && l.Isolator != "":
			if err := s.Undo(ctx, l); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", l, err))
			}
		default:
			errs = append(errs, fmt.Errorf("%w: it stays: %s", mctr.ErrState, l))
		}
	}
	return errors.Join(errs...)
}
