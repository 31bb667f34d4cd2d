package store

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/tree"
)

// RemoveFiles removes all directories of the container's own in ROOT: what it has written.
func (c *Container) RemoveFiles() error {
	entries, err := os.ReadDir(c.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, tree.Remove(c.in(e.Name())))
		}
	}
	return errors.Join(errs...)
}

// RemoveRecords removes the directory in ROOT, config.json last: while it is there, the
// rest can be found. A change of the state that another process makes at this moment
// comes before it, or finds that the container was removed.
func (c *Container) RemoveRecords(ctx context.Context) error {
	if lock, err := flock.Existing(ctx, c.stateFile()); err == nil { // one that cannot be locked is damaged
		defer lock.Unlock() // closing a lock file cannot fail usefully
	}
	entries, err := os.ReadDir(c.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if path := c.in(e.Name()); path != c.ConfigFile() && path != c.stateFile() { // these go last, and locked
			errs = append(errs, tree.Remove(c.in(e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := tree.Remove(c.ConfigFile()); err != nil { // without it no state is made anew
		return err
	}
	return tree.Remove(c.Dir())
}
