package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/flock"
)

// recordedParent is the group that STATE says is above all others.
func (l layout) recordedParent() (string, error) {
	data, err := os.ReadFile(l.cgroupParent())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(data), err
}

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
	recorded := c.paths.parent
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
	if c.paths.parent, err = c.paths.recordedParent(); err != nil {
		return err
	}
	wanted, err := c.wantedParent()
	if err != nil || wanted == c.paths.parent {
		return err
	}
	lock, err := flock.Exclusive(ctx, c.paths.setupLock())
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	entries, err := os.ReadDir(c.paths.running())
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %d containers are below %q, not below %q: end them first", mctr.ErrState, len(entries),
			"/"+c.paths.parent, "/"+wanted)
	}
	if err := c.dropGroups(); err != nil {
		return err
	}
	if err := atomicfile.Write(c.paths.cgroupParent(), []byte(wanted), 0o600); err != nil {
		return err
	}
	c.paths.parent = wanted
	return c.bind()
}
