package launcher

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A window counts the bytes of stdin that may be sent before the shim reports that it has written
// some.
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

// acquire waits until at least one byte may be sent, and returns how many of most bytes may be.
func (w *window) acquire(ctx context.Context, most int) (int, error) {
	defer context.AfterFunc(ctx, w.wake)()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.free == 0 && !w.closed && ctx.Err() == nil {
		w.change.Wait()
	}
	switch {
	case w.closed:
		return 0, net.ErrClosed
	case w.free == 0:
		return 0, fmt.Errorf("the process does not read: %w", context.Cause(ctx))
	}
	n := min(most, w.free)
	w.free -= n
	return n, nil
}

func (w *window) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change.Broadcast()
}

// release adds n bytes that the shim has written.
func (w *window) release(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = min(w.free+n, wire.Window)
	w.change.Broadcast()
}

// close makes every acquire fail from now on.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.change.Broadcast()
}
