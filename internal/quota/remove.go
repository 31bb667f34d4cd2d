package quota

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mctr/mctr/internal/failpoint"
)

// Remove removes dir, everything in it, and its limits, and frees the project id. It unmounts what
// Mount mounted. A directory that existed before a Make that did not finish keeps its content, and
// only loses its limits. Remove may be called again, and succeeds if dir has no limits: then it
// deletes nothing.
//
// The error wraps ErrState, and nothing is deleted, if something else is mounted at dir or below, if
// the filesystem is in use, or if another directory was moved to dir's place. A process that makes a
// mount namespace holds the filesystem for a moment, for instance the launch of another container.
// The error also wraps ErrState if deleted files remain open. In both cases, Remove has to be called
// again, and the limits remain until then.
func (s *Store) Remove(ctx context.Context, dir string) error {
	return s.locked(ctx, "remove", dir, func(r *Record) error {
		if r.State == "" {
			return nil
		}
		return s.finishRemove(ctx, r)
	})
}

func (s *Store) finishRemove(ctx context.Context, r *Record) error {
	l, err := s.limiter(r.Means)
	if err != nil {
		return err
	}
	if err := l.release(ctx, r); err != nil {
		return err
	}
	if err := wantNoMounts(r.Dir); err != nil {
		return err
	}
	keep := r.State == Making && r.Adopted
	if r.State != Making { // whether the directory is ours to delete depends on it
		r.State = Removing
		if err := s.save(r); err != nil {
			return err
		}
	}
	if err := failpoint.Hit("quota/removing"); err != nil {
		return err
	}
	if err := l.remove(ctx, r, keep); err != nil {
		return err
	}
	if err := os.Remove(s.path(r.Dir, ".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return failpoint.Hit("quota/removed")
}
