package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// Termination returns how the container exited, and nil if it has not. A shim that could not
// write to ROOT left the record in STATE. A container that was revived, and whose next launch
// has not begun, still has the termination of its last run.
func (c *Container) Termination() (*mctr.Termination, error) {
	for _, path := range []string{c.Exit(), c.FallbackExit()} {
		t := &mctr.Termination{}
		err := atomicfile.ReadJSON(path, t)
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if !c.AtRest() {
		return nil, nil
	}
	s, err := c.State()
	if err != nil {
		return nil, err
	}
	return s.LastExit, nil
}

// SetTermination records an exit that no shim saw. Nothing is recorded for a container whose
// directory in ROOT was removed.
func (c *Container) SetTermination(t *mctr.Termination) error {
	if _, err := c.Termination(); err != nil { // what cannot be read may be a directory in the file's place
		if err := os.RemoveAll(c.Exit()); err != nil {
			return err
		}
	}
	return unlessGone(atomicfile.WriteDurableJSON(c.Exit(), t))
}

// SaveFallbackExit copies a termination that the shim left in STATE to ROOT.
func (c *Container) SaveFallbackExit() error {
	if data, err := os.ReadFile(c.FallbackExit()); err == nil {
		if err := unlessGone(atomicfile.WriteDurable(c.Exit(), data, 0o600)); err != nil {
			return fmt.Errorf("keep the record of the end: %w", err)
		}
	}
	return nil
}

// Revive begins the next run of a container that has exited: it sets the termination of the last
// run aside, and counts the restart. streak is the restart policy's count of restarts in a row.
func (c *Container) Revive(ctx context.Context, streak int) error {
	end, err := c.Termination()
	if err != nil {
		return err
	}
	err = c.Change(ctx, Revive, func(s *State) {
		s.Restarts++
		s.Streak = streak
		s.LastExit = end
	})
	if err != nil {
		return err
	}
	return Remove(c.Exit())
}

// TakeBack undoes Revive for a container whose next run did not begin.
func (c *Container) TakeBack(ctx context.Context) error {
	s, err := c.State()
	if err != nil || s.LastExit == nil {
		return err
	}
	if err := atomicfile.WriteDurableJSON(c.Exit(), s.LastExit); err != nil {
		return err
	}
	return c.Change(ctx, TakeBack, func(s *State) { s.LastExit = nil })
}

// Remove removes a file that may be missing.
func Remove(path string) error { return unlessGone(os.Remove(path)) }
