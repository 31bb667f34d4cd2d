package shim

import (
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxOwed is more, in bytes, than one client can still be owed when every
// process of the container is dead: pipes, tees, and what is being sent.
const maxOwed = 1 << 20

// attachedClients are the clients that are being told output and an end.
type attachedClients struct {
	mu    sync.Mutex
	conns map[*net.UnixConn]struct{}
	group sync.WaitGroup
}

// join adds a client until leave is called.
func (a *attachedClients) join(conn *net.UnixConn) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		a.conns = map[*net.UnixConn]struct{}{}
	}
	a.conns[conn] = struct{}{}
	a.group.Add(1)
	return func() {
		a.mu.Lock()
		delete(a.conns, conn)
		a.mu.Unlock()
		a.group.Done()
	}
}

// deliver waits for the clients to have everything: what is not sent when the shim ends is
// lost to them.
func (a *attachedClients) deliver() {
	told := make(chan struct{})
	go func() { a.group.Wait(); close(told) }()
	select {
	case <-told:
		return
	case <-time.After(stillTime):
		a.growBuffers()
	}
	select {
	case <-told:
	case <-time.After(stuckTime):
	}
}

// growBuffers lets the kernel take what clients are too slow for: a socket's queue
// outlives its sender. Above net.core.wmem_max this needs CAP_NET_ADMIN.
func (a *attachedClients) growBuffers() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.conns {
		raw, err := conn.SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) {
			// without it, the client sees the stream cut
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, maxOwed)
		})
	}
}
