package volumes

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mctr/mctr/csi"
)

// How long a plugin that does not listen is waited for: it may be starting. What is to be undone is tried
// again in any case, and a list asks about many volumes.
const (
	startTime = 10 * time.Second
	undoTime  = 2 * time.Second
	statsTime = 500 * time.Millisecond
)

// patience returns how long a request waits for its plugin.
func patience(r *csi.Request) time.Duration {
	switch {
	case r.Verb == csi.VerbStats:
		return statsTime
	case r.Undoes():
		return undoTime
	}
	return startTime
}

// await waits until a plugin listens.
func await(ctx context.Context, plugin csi.Plugin, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
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
