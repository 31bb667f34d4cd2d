package store

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/tree"
)

// RemoveFiles removes all directories of the container in ROOT, and so everything it wrote.
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

// RemoveRecords removes the directory in ROOT, config.json last: as long as config.json exists, a
// second attempt finds the rest. When another process changes the state at this moment, its
// change comes first, or it finds that the container was removed.
func (c *Container) RemoveRecords(ctx context.Context) error {
	if lock, err := flock.Existing(ctx, c.stateFile()); err == nil { // a file that cannot be locked is damaged
		defer lock.Unlock()
	}
	entries, err := os.ReadDir(c.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if path := c.in(e.Name()); path != c.ConfigFile() && path != c.stateFile() { // they are removed below
			errs = append(errs, tree.Remove(c.in(e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := tree.Remove(c.ConfigFile()); err != nil { // without this file, no process makes a state.json again
		return err
	}
	return tree.Remove(c.Dir())
}
