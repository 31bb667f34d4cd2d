package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Usage returns what dir and everything in it use, and the limits that the kernel enforces. It
// counts no files itself, and takes no lock. With btrfs it is as of the last commit, at most 30
// seconds ago by default. With loop it includes the filesystem's tables. The error wraps
// ErrNotFound.
func (s *Store) Usage(ctx context.Context, dir string) (Usage, error) {
	dir, err := s.resolve(dir)
	if err != nil {
		return Usage{}, err
	}
	u, err := s.usage(ctx, dir)
	if err != nil {
		return Usage{}, fmt.Errorf("usage of %s: %w", dir, err)
	}
	return u, nil
}

// Limits returns the limits of dir as they were asked for. It takes no lock. The error wraps
// ErrNotFound.
func (s *Store) Limits(dir string) (Limits, error) {
	dir, err := s.resolve(dir)
	if err != nil {
		return Limits{}, err
	}
	r, err := s.load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Limits{}, fmt.Errorf("limits of %s: %w", dir, errNotLimited)
	}
	if err != nil {
		return Limits{}, err
	}
	return r.Limits, nil
}

func (s *Store) usage(ctx context.Context, dir string) (Usage, error) {
	r, err := s.load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Usage{}, errNotLimited
	}
	if err != nil {
		return Usage{}, err
	}
	l, err := s.limiter(r.Means)
	if err != nil {
		return Usage{}, err
	}
	return l.usage(ctx, r)
}
