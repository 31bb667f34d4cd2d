package client

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// Ends are those of the agent's containers that no client has acknowledged.
func (c *Client) Ends(ctx context.Context) (*mctr.Ends, error) {
	found := &mctr.Ends{}
	return found, c.call(ctx, api.GetEnds, nil, found)
}

// Acknowledge says that the caller has recorded the ends with these keys: they are not
// listed again.
func (c *Client) Acknowledge(ctx context.Context, keys ...string) error {
	return c.call(ctx, api.AcknowledgeEnds, api.Acknowledgement{Keys: keys}, nil)
}
