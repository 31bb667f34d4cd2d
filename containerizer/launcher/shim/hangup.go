package shim

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// hangUp watches whether the client goes while it is only to be answered, and nobody
// reads from conn. gone is closed then, or by stop.
func hangUp(conn *net.UnixConn) (gone <-chan struct{}, stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if raw, err := conn.SyscallConn(); err == nil {
			_ = raw.Read(hungUp) // its error is that of stop
		}
	}()
	return done, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// hungUp says whether the other end of fd was closed, whatever is still to be read
// from it (POLLRDHUP, poll(2)).
func hungUp(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
