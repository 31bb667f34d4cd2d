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
// directory exists, project quotas also cover what is in it: no process may use it meanwhile,
// because links, devices, pipes and sockets in it may be replaced. For btrfs and loop it must be
// empty.
//
// Make may be called again with the same owner and limits, and continues what a kill interrupted. If
// it fails, it undoes what it did; if that fails too, Remove undoes it. The error wraps ErrExists if
// another owner or other limits have the directory, ErrInvalid, ErrUnsupported (Linux or the means
// cannot do it), or ErrState: it holds more than the limits, or something is mounted there.
func (s *Store) Make(ctx context.Context, dir, owner string, limits Limits) error {
	return s.locked(ctx, "limit", dir, func(r *Record) error {
		if err := limits.validate(); err != nil {
			return err
		}
		if err := s.sameMount(r.Dir); err != nil {
			return err
		}
		if err := s.intend(ctx, r, owner, limits); err != nil || r.State == Ready {
			return err
		}
		return s.finishMake(ctx, r)
	})
}

// intend records that r's directory gets limits, unless it is Ready.
func (s *Store) intend(ctx context.Context, r *Record, owner string, limits Limits) error {
	if r.State == Changing {
		if err := s.finishChange(ctx, r); err != nil {
			return err
		}
	}
	switch {
	case r.State == "":
		r.Owner, r.Limits, r.State = owner, limits, Making
		return s.reserve(ctx, r)
	case r.Owner != owner:
		return fmt.Errorf("%w: it is limited for %q, not for %q", mctr.ErrExists, r.Owner, owner)
	case r.State == Removing:
		return stateError(r)
	case r.State == Ready && r.Limits != limits:
		return fmt.Errorf("%w: its limits are %s, not %s (Change changes them)", mctr.ErrExists, r.Limits, limits)
	case r.State == Ready:
		return nil
	}
	r.Limits = limits
	return s.save(r)
}

// reserve writes the first record of a directory, before anything is made.
func (s *Store) reserve(ctx context.Context, r *Record) (err error) {
	if r.Owner == "" {
		return fmt.Errorf("%w: no owner", mctr.ErrInvalid)
	}
	if r.Means, err = s.Means(ctx); err != nil {
		return err
	}
	if err := wantNoMounts(r.Dir); err != nil {
		return err
	}
	info, err := os.Lstat(r.Dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%w: it is not a directory", mctr.ErrInvalid)
	case err == nil:
		r.Adopted = true
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Lstat(imageOf(r.Dir)); r.Means == Loop && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%w: %s, which is not ours", mctr.ErrExists, imageOf(r.Dir)), err)
	}
	if r.Means == Ext4 || r.Means == XFS {
		err = s.reserveID(ctx, r)
	} else {
		err = s.save(r)
	}
	if err != nil {
		return err
	}
	return failpoint.Hit("quota/intent")
}

func (s *Store) finishMake(ctx context.Context, r *Record) error {
	l, err := s.limiter(r.Means)
	if err != nil {
		return err
	}
	if err := l.make(ctx, r); err != nil {
		return errors.Join(err, s.finishRemove(context.WithoutCancel(ctx), r))
	}
	r.State = Ready
	if err := s.save(r); err != nil {
		return err
	}
	return failpoint.Hit("quota/ready")
}
