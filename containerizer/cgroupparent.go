package containerizer

import (
	"context"
	"fmt"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/flock"
)

// checkManager refuses managers that cannot be had here.
func (c *Containerizer) checkManager() error {
	if err := cgroup.CheckManager(c.manager); err != nil || c.manager != cgroup.Systemd {
		return err
	}
	return cgroup.CheckSystemd()
}

// wantedParent is the parent that this process wants. That it is a slice tells
// everybody who the manager is.
func (c *Containerizer) wantedParent() (string, error) {
	recorded := c.store.Parent
	if c.manager == cgroup.Systemd {
		switch {
		case c.above == nil && cgroup.IsSlice(recorded):
			return recorded, nil
		case c.above == nil || *c.above == "":
			return cgroup.DefaultSlice, nil
		}
		return cgroup.Slice(*c.above)
	}
	switch {
	case c.above != nil:
		return *c.above, cgroup.CheckParent(*c.above)
	case c.manager == cgroup.Cgroupfs && cgroup.IsSlice(recorded):
		return "", nil
	}
	return recorded, nil
}

// findParentGroup takes the parent that STATE has, or gives it the one that this
// process wants.
func (c *Containerizer) findParentGroup(ctx context.Context) (err error) {
	if c.store.Parent, err = c.store.RecordedParent(); err != nil {
		return err
	}
	wanted, err := c.wantedParent()
	if err != nil || wanted == c.store.Parent {
		return err
	}
	lock, err := flock.Exclusive(ctx, c.store.SetupLock())
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	entries, err := os.ReadDir(c.store.Running())
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %d containers are below %q, not below %q: end them first", mctr.ErrState, len(entries),
			"/"+c.store.Parent, "/"+wanted)
	}
	if err := c.removeEmptyCgroups(); err != nil {
		return err
	}
	return c.store.SetParent(wanted)
}
