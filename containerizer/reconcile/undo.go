package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// Undo has the isolator that reported a leftover of no container take it back. The error
// wraps mctr.ErrUnsupported where this process has no such isolator.
func (s *Scanner) Undo(ctx context.Context, l mctr.Leftover) error {
	for _, i := range s.Isolators {
		if u, ok := i.(isolators.Undoer); ok && i.Name() == l.Isolator {
			return u.Undo(ctx, l)
		}
	}
	return fmt.Errorf("%w: no isolator %s", mctr.ErrUnsupported, l.Isolator)
}

// Sweep removes leftovers that belong to no container: files, and leases of processes.
func (s *Scanner) Sweep(found []mctr.Leftover) error {
	var errs []error
	for _, l := range found {
		if l.Kind == kindLease && l.Owner == "" {
			errs = append(errs, s.Images.Release(l.Object))
		}
		if l.Kind == kindFile {
			if err := os.Remove(l.Object); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
