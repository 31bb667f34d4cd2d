// Package peerclose detects that the other end of a connection was closed, while no goroutine reads
// from the connection. It creates nothing.
package peerclose

import (
	"context"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrClosed is the cause of a context that ended because the client closed its connection.
var ErrClosed = errors.New("the client has disconnected")

// Closed returns true if the other end of fd was closed, even if there is unread data (POLLRDHUP,
// poll(2)).
func Closed(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// Context returns a context that ends, with the cause ErrClosed, within a second after the other
// end of conn is closed. Other goroutines may read from conn meanwhile. The caller must call stop.
func Context(parent context.Context, conn syscall.RawConn) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			over := false
			err := conn.Control(func(fd uintptr) { over = Closed(fd) })
			if over || err != nil { // err: this side closed conn
				cancel(ErrClosed)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
