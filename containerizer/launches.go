package containerizer

import (
	"context"
	"sync"

	"github.com/mctr/mctr"
)

// launches are those under way in this process. Destroy cancels them.
type launches struct {
	mu     sync.Mutex
	cancel map[mctr.ContainerID]context.CancelCauseFunc
}

// begin returns the context of a launch and a function that ends the registration.
func (l *launches) begin(ctx context.Context, id mctr.ContainerID) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel[id] = cancel
	return ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.cancel, id)
		cancel(nil)
	}
}

// destroy cancels the launch of a container, if one is under way.
func (l *launches) destroy(id mctr.ContainerID) {
	l.mu.Lock()
	cancel := l.cancel[id]
	l.mu.Unlock()
	if cancel != nil {
		cancel(mctr.ErrDestroyed)
	}
}
