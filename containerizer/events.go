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

// Ends are those of this owner's containers that it has not acknowledged; another process
// may have released or removed the containers. At most 10,000 are kept. One that is older
// than 30 days goes when the next is kept.
func (c *Containerizer) Ends(ctx context.Context) (*mctr.Ends, error) {
	return c.store.Ends(ctx, c.owner)
}

// Acknowledge says that this owner has written down the ends with these keys: they are
// not reported again. It is idempotent; an unknown key is none of its errors.
func (c *Containerizer) Acknowledge(ctx context.Context, keys ...string) error {
	return c.store.Acknowledge(ctx, c.owner, keys...)
}
