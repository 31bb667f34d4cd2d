package containerizer

import (
	"context"
	"iter"

	"github.com/mctr/mctr"
)

// Events returns what happened to containers during this boot, in order, whichever process did
// it; with o.Follow also what happens next, until ctx ends. About the last 5,000 events are
// kept. A reader continues after the cursor of its last event (o.After); if events after it are
// no longer kept, or the reader is too slow, it receives an mctr.EventGap in their place.
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
