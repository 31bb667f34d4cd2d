package containerizer

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/logs"
)

// Logs returns the output of a container; see logs.Read. With o.Follow it continues until
// the container has exited and everything is read. A container that was never started has no
// output.
func (c *Containerizer) Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions,
	emit func(logs.Entry) error) error {
	r, err := c.store.Container(id).Record()
	if err != nil {
		return err
	}
	if phase, err := c.store.Container(id).Phase(); err != nil || phase == mctr.Created {
		return err // no output yet
	}
	if !o.Follow {
		return logs.Read(ctx, c.store.Container(id).Logs(), logs.Config(r.Config.Log), o, nil, emit)
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = c.Wait(waiting, id) // the log is complete, whatever Wait returns
	}()
	return logs.Read(ctx, c.store.Container(id).Logs(), logs.Config(r.Config.Log), o, ended, emit)
}
