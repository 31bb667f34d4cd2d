package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// List returns the records, by directory, and then the project ids of the range that the kernel
// limits and that no record has (Orphaned; their Limits are the kernel's): the records were lost. It
// goes on past records that cannot be read, and returns their errors joined.
func (s *Store) List(ctx context.Context) ([]Record, error) {
	records, err := s.records()
	list := []Record{}
	known := map[uint32]bool{}
	for _, r := range records {
		known[r.ID] = true
		if r.Schema <= schema {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(a, b Record) int { return strings.Compare(a.Dir, b.Dir) })
	orphans, orphansErr := s.orphans(ctx, known)
	return append(list, orphans...), errors.Join(err, orphansErr)
}

// orphans returns the project ids of the range that the kernel limits and that are not known.
func (s *Store) orphans(ctx context.Context, known map[uint32]bool) (list []Record, err error) {
	dir, err := os.Open(s.Dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	means, err := s.native(dir)
	if means != Ext4 && means != XFS {
		return nil, nil //nolint:nilerr // without project quotas there are no ids
	}
	for id := s.FirstID; ; id++ {
		found, used, ok, err := nextProject(dir, id)
		if err != nil || !ok || found > s.LastID || ctx.Err() != nil {
			return list, errors.Join(err, ctx.Err())
		}
		if !known[found] && used != (Usage{}) {
			list = append(list, Record{Means: means, Limits: used.Limits, ID: found, State: Orphaned})
		}
		if id = found; id == s.LastID {
			return list, nil
		}
	}
}

// Free removes the limits of a project id that List returned as Orphaned. The error wraps ErrState
// if files have the id, or a record.
func (s *Store) Free(ctx context.Context, id uint32) error {
	if err := s.free(ctx, id); err != nil {
		return fmt.Errorf("free project id %d: %w", id, err)
	}
	return nil
}

func (s *Store) free(ctx context.Context, id uint32) error {
	if id < s.FirstID || id > s.LastID {
		return fmt.Errorf("%w: it is not from %d to %d", mctr.ErrInvalid, s.FirstID, s.LastID)
	}
	lock, err := flock.Exclusive(ctx, s.idsLock())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if taken, err := s.recordedIDs(); err != nil || taken[id] {
		return errors.Join(err, fmt.Errorf("%w: it has a record", mctr.ErrState))
	}
	dir, err := os.Open(s.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	used, err := projectUsage(dir, id)
	if err != nil {
		return err
	}
	if used.Bytes != 0 || used.Inodes != 0 {
		return fmt.Errorf("%w: %d files below %s have it (delete them)", mctr.ErrState, used.Inodes, s.Dir)
	}
	return limitProject(dir, id, Limits{})
}
