package shim

import (
	"net"
	"time"

	"github.com/mctr/mctr/internal/peerclose"
)

// watchDisconnect watches whether the client goes while it waits for an answer and nothing
// reads from conn. gone is closed then, or by stop.
func watchDisconnect(conn *net.UnixConn) (gone <-chan struct{}, stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if raw, err := conn.SyscallConn(); err == nil {
			_ = raw.Read(peerclose.Closed) // its error is that of stop
		}
	}()
	return done, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = conn.SetReadDeadline(time.Time{})
	}
}
