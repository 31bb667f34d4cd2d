package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
)

// Make makes dir, whose parent exists, with limits, for owner, a name of the caller's choice. A new
// directory belongs to root and has mode 0700; the caller changes that, for loop after Mount. If the
// directory exists, project quotas also cover what is in it; for btrfs and loop it must be empty.
//
// Make may be called again with the same owner and limits, and continues what a kill interrupted. If
// it fails, it undoes what it did; if that fails too, Remove undoes it. The error wraps ErrExists if
// another owner or other limits have the directory, ErrInvalid, ErrUnsupported (Linux or the means
// cannot do it), or ErrState: it holds more than the limits, or something is mounted there.
func (s *Store) Make(ctx context.Context, dir, owner string, limits Limits) error {
	return s.locked(ctx, "limit", dir, func(dir string, r *Record) error {
		if err := limits.validate(); err != nil {
			return err
		}
		if err := s.sameMount(dir); err != nil {
			return err
		}
		r, err := s.intend(ctx, r, dir, owner, limits)
		if err != nil || r.State == Ready {
			return err
		}
		if err := s.finishMake(ctx, r); err != nil {
			return errors.Join(err, s.finishRemove(context.WithoutCancel(ctx), r))
		}
		return nil
	})
}

// intend returns the record of dir with the limits, which it writes unless the directory is Ready.
func (s *Store) intend(ctx context.Context, r *Record, dir, owner string, limits Limits) (*Record, error) {
	if r == nil {
		return s.reserve(ctx, dir, owner, limits)
	}
	if r.State == Changing {
		if err := s.finishChange(ctx, r); err != nil {
			return nil, err
		}
	}
	switch {
	case r.Owner != owner:
		return nil, fmt.Errorf("%w: it is limited for %q, not for %q", mctr.ErrExists, r.Owner, owner)
	case r.State == Removing:
		return nil, stateError(r)
	case r.State == Ready && r.Limits != limits:
		return nil, fmt.Errorf("%w: its limits are %s, not %s (Change changes them)", mctr.ErrExists, r.Limits, limits)
	case r.State == Ready:
		return r, nil
	}
	r.Limits = limits
	return r, s.save(r)
}

// reserve writes the first record of a directory, before anything is made.
func (s *Store) reserve(ctx context.Context, dir, owner string, limits Limits) (*Record, error) {
	if owner == "" {
		return nil, fmt.Errorf("%w: no owner", mctr.ErrInvalid)
	}
	means, err := s.Means(ctx)
	if err != nil {
		return nil, err
	}
	if err := wantNoMounts(dir); err != nil {
		return nil, err
	}
	r := &Record{Schema: schema, Dir: dir, Owner: owner, Means: means, Limits: limits, State: Making}
	info, err := os.Lstat(dir)
	switch {
	case err == nil && !info.IsDir():
		return nil, fmt.Errorf("%w: it is not a directory", mctr.ErrInvalid)
	case err == nil:
		r.Adopted = true
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if _, err := os.Lstat(imageOf(dir)); means == Loop && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%w: %s, which is not ours", mctr.ErrExists, imageOf(dir)), err)
	}
	save := s.save
	if means == Ext4 || means == XFS {
		save = func(r *Record) error { return s.reserveID(ctx, r) }
	}
	if err := save(r); err != nil {
		return nil, err
	}
	return r, failpoint.Hit("quota/intent")
}

func (s *Store) finishMake(ctx context.Context, r *Record) error {
	l, err := s.limiter(r.Means)
	if err != nil {
		return err
	}
	if err := l.make(ctx, r); err != nil {
		return err
	}
	r.State = Ready
	if err := s.save(r); err != nil {
		return err
	}
	return failpoint.Hit("quota/ready")
}
