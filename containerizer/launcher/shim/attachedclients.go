package shim

import (
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxOwed is more bytes than a client can still be owed once all processes of the container are
// dead: the content of pipes and tees, and the chunk being sent.
const maxOwed = 1 << 20

// attachedClients are the clients that receive output and an exit.
type attachedClients struct {
	mu    sync.Mutex
	conns map[*net.UnixConn]struct{}
	group sync.WaitGroup
}

// join adds a client, until the caller calls leave.
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

// deliver waits until every client has received everything, because what is unsent when the shim
// exits is lost. It gives up on clients that stop reading.
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

// growBuffers enlarges the clients' socket buffers, so that the kernel holds what slow clients have
// not read yet: a socket's queue outlives the sender. Above net.core.wmem_max this needs
// CAP_NET_ADMIN.
func (a *attachedClients) growBuffers() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.conns {
		raw, err := conn.SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) {
			// if this fails, the client may receive a truncated stream
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, maxOwed)
		})
	}
}
