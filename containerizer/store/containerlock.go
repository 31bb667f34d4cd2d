package store

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mctr/mctr/internal/flock"
)

// A Lock is the lock of one container: only its holder may launch, release or remove the container.
type Lock struct {
	*flock.Lock
	of *Container
}

// Lock waits for the container's lock. The container need not exist; the lock file of a
// container that does not exist is removed on Unlock.
func (c *Container) Lock(ctx context.Context) (*Lock, error) {
	return c.locked(ctx, func(path string) (*flock.Lock, error) { return flock.Exclusive(ctx, path) })
}

// RemoveStaleLock removes the lock file of a container that does not exist, unless a process
// holds the lock.
func (c *Container) RemoveStaleLock(ctx context.Context) error {
	lock, err := c.TryLock(ctx)
	if errors.Is(err, flock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	if !c.Exists() {
		return lock.Remove()
	}
	lock.Unlock()
	return nil
}

// TryLock is Lock without waiting: the error wraps flock.ErrHeld if a process holds the lock.
func (c *Container) TryLock(ctx context.Context) (*Lock, error) {
	return c.locked(ctx, flock.TryExclusive)
}

// LockAfterDead is TryLock for a lock whose holder may have been killed a moment ago.
func (c *Container) LockAfterDead(ctx context.Context) (*Lock, error) {
	return c.locked(ctx, func(path string) (*flock.Lock, error) { return flock.AfterDead(ctx, path) })
}

// LockShared waits for the container's lock and shares it with other callers of LockShared.
// Meanwhile the container is not released.
func (c *Container) LockShared(ctx context.Context) (*flock.Lock, error) {
	return flock.Shared(ctx, c.lock())
}

// Locked returns true if a process holds the container's lock.
func (c *Container) Locked() (bool, error) { return flock.Held(c.lock()) }

func (c *Container) locked(ctx context.Context, take func(path string) (*flock.Lock, error)) (*Lock, error) {
	if err := c.ID.Validate(); err != nil {
		return nil, err
	}
	l, err := take(c.lock())
	if errors.Is(err, fs.ErrNotExist) { // STATE was deleted while this process ran
		if err := c.store.SetUp(ctx); err != nil {
			return nil, err
		}
		l, err = take(c.lock())
	}
	if err != nil {
		return nil, err
	}
	return &Lock{l, c}, nil
}

// Unlock releases the lock. A process that waits for a lock file that is removed makes a new one.
func (l *Lock) Unlock() {
	if l.of.Exists() {
		l.Lock.Unlock()
		return
	}
	_ = l.Remove() // a scan for leftovers finds a lock file that stays
}
