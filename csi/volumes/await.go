package volumes

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mctr/mctr/csi"
)

// startTime is how long a plugin that does not listen is waited for: it may be starting.
const startTime = 10 * time.Second

// await waits until a plugin listens.
func await(ctx context.Context, plugin csi.Plugin) error {
	limited, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(limited, "unix", plugin.Socket)
		if err == nil {
			_ = conn.Close() // nothing was written
			return nil
		}
		select {
		case <-limited.Done():
			err := &csi.Error{Kind: csi.KindUnavailable, Message: fmt.Sprintf(
				"plugin %s does not listen on %s: %v (start the plugin)", plugin.Name, plugin.Socket, err)}
			if ctx.Err() != nil {
				return fmt.Errorf("%w: %w", err, context.Cause(ctx))
			}
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
