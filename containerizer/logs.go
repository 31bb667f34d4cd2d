package containerizer

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/logs"
)

// Logs reads back what id printed; see logs.Read. With o.Follow it goes on until
// the container has ended and everything is read. One that was never started has
// printed nothing.
func (c *Containerizer) Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions,
	emit func(logs.Entry) error) error {
	r, err := c.store.Container(id).Record()
	if err != nil {
		return err
	}
	if phase, err := c.store.Container(id).Phase(); err != nil || phase == mctr.Created {
		return err // it has printed nothing yet
	}
	if !o.Follow {
		return logs.Read(ctx, c.store.Container(id).Logs(), logs.Config(r.Config.Log), o, nil, emit)
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = c.Wait(waiting, id) // whatever it returns, the log is complete then
	}()
	return logs.Read(ctx, c.store.Container(id).Logs(), logs.Config(r.Config.Log), o, ended, emit)
}
