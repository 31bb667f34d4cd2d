package quota

import (
	"context"
	"errors"

	"github.com/mctr/mctr/internal/failpoint"
)

// Change changes the limits of dir. Loop cannot change the limit of inodes, and resizes its
// filesystem: a shrink copies it, and has to be done unmounted; so has growth, unless this process
// has CAP_SYS_RESOURCE. The error wraps ErrNotFound, or ErrState if more is in use than the new
// limits or the filesystem is mounted. If it fails, the old limits remain, or for loop, return with
// the next Mount.
func (s *Store) Change(ctx context.Context, dir string, to Limits) error {
	return s.locked(ctx, "change the limits of", dir, func(r *Record) error {
		switch {
		case r.State == "":
			return errNotLimited
		case r.State != Ready && r.State != Changing:
			return stateError(r)
		}
		if err := to.validate(); err != nil {
			return err
		}
		l, err := s.limiter(r.Means)
		if err != nil {
			return err
		}
		if err := l.check(ctx, r, to); err != nil {
			return err
		}
		before := *r
		r.State, r.Limits = Changing, to
		if err := s.save(r); err != nil {
			return err
		}
		err = failpoint.Hit("quota/changing")
		if err == nil {
			err = l.change(ctx, r)
		}
		if err != nil {
			before.State = Changing
			return errors.Join(err, s.save(&before))
		}
		r.State = Ready
		return s.save(r)
	})
}

// finishChange enforces the recorded limits, after a Change that was interrupted or failed.
func (s *Store) finishChange(ctx context.Context, r *Record) error {
	l, err := s.limiter(r.Means)
	if err != nil {
		return err
	}
	if err := l.change(ctx, r); err != nil {
		return err
	}
	r.State = Ready
	return s.save(r)
}
