package containerizer

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
)

// afterBoot records the end of what ran before the host went down, and releases it.
func (c *Containerizer) afterBoot(ctx context.Context) {
	ids, err := c.allIDs() // children first: they go with a root that removes itself
	if err != nil {
		c.log.Error("after a reboot", "error", err)
	}
	for _, id := range ids {
		lock, err := c.handle(id).Lock(ctx)
		if err == nil {
			err = errors.Join(c.endedByBoot(ctx, id), lock.Unlock())
		}
		if err != nil {
			c.log.Error("after a reboot", "container", id, "error", err)
		}
	}
}

func (c *Containerizer) endedByBoot(ctx context.Context, id mctr.ContainerID) (err error) {
	gaveUp := c.giveUpRestart(ctx, id) // only agents start theirs after that
	defer func() { err = errors.Join(err, gaveUp) }()
	phase, err := c.handle(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // it has just gone with its root
	}
	if err != nil || phase == mctr.Created || phase == mctr.Exited {
		return errors.Join(err, c.release(ctx, id))
	}
	// After a real boot nothing of it runs; where only STATE's id was lost, it does.
	if err := errors.Join(c.killShim(id), c.releaseGroup(id)); err != nil {
		return err
	}
	if err := c.recordEnd(id, mctr.ReasonReboot, "the host was rebooted"); err != nil {
		return err
	}
	return c.releaseEnded(ctx, id)
}
