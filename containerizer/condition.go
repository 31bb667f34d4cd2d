package containerizer

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/mctr/mctr"
)

// Condition returns nil if the directories are as New left them and every container's
// records can be read. Else the error wraps mctr.ErrUnavailable and names what is wrong:
// new containers can be launched all the same.
func (c *Containerizer) Condition() error {
	var errs []error
	for _, path := range []string{c.paths.containers(), c.paths.names(), c.paths.stateRecord(), c.paths.running(),
		c.paths.locks(), c.paths.bootID()} {
		if _, err := os.Lstat(path); err != nil {
			errs = append(errs, fmt.Errorf("it was deleted, or cannot be read: %w", err))
		}
	}
	ids, err := c.Containers()
	if err != nil {
		errs = append(errs, err)
	}
	slices.Sort(ids)
	for _, id := range ids {
		_, damage := c.phaseAndDamage(id)
		if _, unreadable := c.load(id); damage == nil && !errors.Is(unreadable, mctr.ErrNotFound) {
			damage = unreadable
		}
		if damage != nil && !errors.Is(damage, mctr.ErrNotFound) {
			errs = append(errs, fmt.Errorf("container %s is damaged: %w", id.Short(), damage))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: degraded: %w", mctr.ErrUnavailable, err)
	}
	return nil
}
