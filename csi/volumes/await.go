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
func await(ctx context.Context, plugin csi.Plugin) *csi.Error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", plugin.Socket)
		if err == nil {
			_ = conn.Close() // nothing was written
			return nil
		}
		select {
		case <-ctx.Done():
			return &csi.Error{Kind: csi.KindUnavailable, Message: fmt.Sprintf(
				"plugin %s does not listen on %s: %v (start the plugin)", plugin.Name, plugin.Socket, err)}
		case <-time.After(20 * time.Millisecond):
		}
	}
}
