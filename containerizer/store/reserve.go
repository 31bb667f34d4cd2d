package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
)

// Reserve reserves the name and the id of a new container, locks it, and records the intent to
// launch it. The caller holds the returned lock. After an error with a lock, the caller removes
// what was recorded.
func (s *Store) Reserve(ctx context.Context, r *Record) (*Lock, error) {
	c := s.Container(r.ID)
	lock, err := c.claim(ctx, r.Config.Name)
	if errors.Is(err, fs.ErrNotExist) { // ROOT or STATE was deleted while this process ran
		if err := s.SetUp(ctx); err != nil {
			return nil, err
		}
		lock, err = c.claim(ctx, r.Config.Name)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(c.StateDir(), 0o700); err != nil {
		return lock, err
	}
	if err := c.beginState(); err != nil {
		return lock, err
	}
	if err := c.SetRecord(r); err != nil {
		return lock, err
	}
	if err := c.Journal().Reach(Intent); err != nil {
		return lock, err
	}
	s.Emit(r, mctr.EventCreate, nil)
	return lock, nil
}

// claim reserves name and id together, under the lock of all names.
func (c *Container) claim(ctx context.Context, name string) (*Lock, error) {
	if name != "" {
		names, err := c.store.lockNames(ctx)
		if err != nil {
			return nil, err
		}
		defer names.Unlock()
		if err := c.store.takeName(name, c.ID); err != nil {
			return nil, err
		}
	}
	lock, err := c.Lock(ctx)
	if err != nil {
		return nil, err
	}
	err = os.Mkdir(c.Dir(), 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w: container %s exists", mctr.ErrExists, c.ID)
	}
	if err != nil {
		c.FreeName(name)
		lock.Unlock()
		return nil, err
	}
	return lock, nil
}

// Park turns the intent of a launch into a container that awaits its first start.
func (c *Container) Park(ctx context.Context) error {
	if err := c.markWaiting(); err != nil {
		return err
	}
	if err := c.Change(ctx, Park, func(s *State) { s.Pending = FirstStart }); err != nil {
		return err
	}
	return tree.Remove(c.StateDir())
}

// Begin begins the launch of a container that awaits its first start or has exited. What is pending
// stays recorded until the container runs, so that any process that undoes the launch restores
// the container to where it was.
func (c *Container) Begin() error {
	if err := os.Mkdir(c.StateDir(), 0o700); err != nil {
		return err
	}
	return c.Journal().Reach(Intent)
}

// Settle records that nothing is pending for a container that runs now.
func (c *Container) Settle(ctx context.Context) error {
	s, err := c.State()
	if err != nil {
		return err
	}
	if s.Pending == Nothing && s.LastExit == nil && s.StartError == "" {
		return nil
	}
	err = c.Change(ctx, Settle, func(s *State) { s.Pending, s.LastExit, s.StartError = Nothing, nil, "" })
	return errors.Join(err, c.unmarkLaunch())
}
