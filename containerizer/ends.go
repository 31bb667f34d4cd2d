package containerizer

import (
	"context"

	"github.com/mctr/mctr"
)

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
