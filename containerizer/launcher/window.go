package launcher

import (
	"net"
	"sync"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A window is how many bytes of stdin may still be sent before the shim tells that it
// has written some.
type window struct {
	mu     sync.Mutex
	change *sync.Cond
	free   int
	closed bool
}

func newWindow() *window {
	w := &window{free: wire.Window}
	w.change = sync.NewCond(&w.mu)
	return w
}

// take waits until something may be sent, and gives how much of most.
func (w *window) take(most int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.free == 0 && !w.closed {
		w.change.Wait()
	}
	if w.closed {
		return 0, net.ErrClosed
	}
	n := min(most, w.free)
	w.free -= n
	return n, nil
}

// give adds what the shim has written.
func (w *window) give(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = min(w.free+n, wire.Window)
	w.change.Broadcast()
}

// close ends the waiting: nothing can be sent any more.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.change.Broadcast()
}
