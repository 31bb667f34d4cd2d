package containerizer

import (
	"context"
	"errors"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/flock"
)

// lockCgroups keeps the groups above all containers' where they are while a
// container's own are made in them: neither an engine nor a shim that joins
// expects them to go meanwhile.
func (c *Containerizer) lockCgroups(ctx context.Context) (*flock.Lock, error) {
	return flock.Shared(ctx, c.store.GroupsLock())
}

// removeEmptyCgroups removes the groups above all containers' if nothing is in them. If
// somebody is about to put something there they stay. Scopes systemd removes itself.
func (c *Containerizer) removeEmptyCgroups() error {
	if c.store.Scoped() {
		return nil
	}
	lock, err := flock.TryExclusive(c.store.GroupsLock())
	if errors.Is(err, flock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	return errors.Join(cgroup.RemoveEmpty(c.store.CgroupPrefix()), cgroup.RemoveEmpty(c.handle("").ShimCgroup()))
}
