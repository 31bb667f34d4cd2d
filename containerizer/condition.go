package containerizer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// Condition returns nil if the directories are as New left them and every container's
// records can be read. Else the error wraps mctr.ErrUnavailable and names what is wrong:
// new containers can be launched all the same.
func (c *Containerizer) Condition() error {
	errs := c.store.Missing()
	ids, err := c.Containers()
	if err != nil {
		errs = append(errs, err)
	}
	slices.Sort(ids)
	for _, id := range ids {
		_, damage := c.handle(id).PhaseAndDamage()
		if _, unreadable := c.handle(id).Record(); damage == nil && !errors.Is(unreadable, mctr.ErrNotFound) {
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
