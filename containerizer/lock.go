package containerizer

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// A held lock is a container's: its holder may change it.
type held struct {
	*flock.Lock
	of *Containerizer
	id mctr.ContainerID
}

// lock waits for the container's lock. There need be no such container; the lock's
// file goes with the lock then.
func (c *Containerizer) lock(ctx context.Context, id mctr.ContainerID) (*held, error) {
	return c.locked(id, func(path string) (*flock.Lock, error) { return flock.Exclusive(ctx, path) })
}

// tryLock is lock that does not wait: flock.ErrHeld.
func (c *Containerizer) tryLock(id mctr.ContainerID) (*held, error) {
	return c.locked(id, flock.TryExclusive)
}

// lockAfterDead is tryLock where the holder may have been killed a moment ago.
func (c *Containerizer) lockAfterDead(ctx context.Context, id mctr.ContainerID) (*held, error) {
	return c.locked(id, func(path string) (*flock.Lock, error) { return flock.AfterDead(ctx, path) })
}

func (c *Containerizer) locked(id mctr.ContainerID, take func(path string) (*flock.Lock, error)) (*held, error) {
	if err := id.Validate(); err != nil {
		return nil, err
	}
	l, err := take(c.paths.lock(id))
	if errors.Is(err, fs.ErrNotExist) { // STATE was deleted while this process ran
		if err := c.setUp(c.ctx); err != nil {
			return nil, err
		}
		l, err = take(c.paths.lock(id))
	}
	if err != nil {
		return nil, err
	}
	return &held{l, c, id}, nil
}

// Unlock lets go. Whoever waits for a file that is removed makes a new one.
func (h *held) Unlock() error {
	if h.of.hasRecords(h.id) {
		return h.Lock.Unlock()
	}
	return h.Remove()
}

// hasRecords says whether ROOT or STATE has anything of the container.
func (c *Containerizer) hasRecords(id mctr.ContainerID) bool {
	for _, dir := range []string{c.paths.dir(id), c.paths.stateDir(id)} {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
