package containerizer

import (
	"context"
	"iter"

	"github.com/mctr/mctr"
)

// Events gives what happened to containers in this boot, by whatever process, in order,
// and with o.Follow what is to come, until ctx ends. About the last 5,000 are kept. A
// reader that comes back goes on behind the last event's cursor (o.After); where events
// are no longer kept, or it is too slow for them, it gets an mctr.EventGap in their place.
func (c *Containerizer) Events(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error] {
	return c.store.ReadEvents(ctx, o)
}
