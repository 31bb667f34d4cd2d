package containerizer

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/flock"
)

// groupsLock is held shared by whoever has control groups made.
func (l layout) groupsLock() string { return filepath.Join(l.state, "groups.lock") }

// holdGroups keeps the groups above all containers' where they are while a
// container's own are made in them: neither an engine nor a shim that joins
// expects them to go meanwhile.
func (c *Containerizer) holdGroups(ctx context.Context) (*flock.Lock, error) {
	return flock.Shared(ctx, c.paths.groupsLock())
}

// dropGroups removes the groups above all containers' if nothing is in them. If
// somebody is about to put something there they stay. Scopes systemd removes itself.
func (c *Containerizer) dropGroups() error {
	if c.paths.scoped() {
		return nil
	}
	lock, err := flock.TryExclusive(c.paths.groupsLock())
	if errors.Is(err, flock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	return errors.Join(cgroup.RemoveEmpty(c.paths.cgroupPrefix()), cgroup.RemoveEmpty(c.paths.shims("")))
}
