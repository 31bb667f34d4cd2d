package containerizer

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// Rename gives the container another name, in whatever phase it is. The error
// wraps mctr.ErrExists for a name in use.
func (c *Containerizer) Rename(ctx context.Context, id mctr.ContainerID, name string) error {
	if err := mctr.ValidateName(name); err != nil {
		return err
	}
	names, err := flock.Exclusive(ctx, filepath.Join(c.paths.locks(), ".names"))
	if err != nil {
		return err
	}
	defer names.Unlock() // closing a lock file cannot fail usefully
	lock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock() // as above
	r, err := c.loadWhole(id)
	if err != nil {
		return err
	}
	old := r.Config.Name
	if old == name {
		return fmt.Errorf("%w: container %s is called %s", mctr.ErrExists, id.Short(), name)
	}
	if err := c.takeName(name, id); err != nil {
		return err
	}
	r.Config.Name = name
	if err := atomicfile.WriteDurableJSON(c.paths.config(id), r); err != nil {
		c.dropName(name, id)
		return err
	}
	c.dropName(old, id)
	c.tell(r, mctr.EventRename, map[string]string{"oldName": old})
	return nil
}
