package containerizer_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr/containerizer"
)

// TestKilledDuringExecs kills a container while processes are on their way into it.
// One that is killed halfway is a child that nobody knows of, and the kernel keeps
// init until somebody has waited for everything in its pid namespace.
func TestKilledDuringExecs(t *testing.T) {
	a := newAgent(t)
	for range 20 {
		a.launch("job", "sleep", "100")
		ctx, cancel := context.WithCancel(t.Context())
		var entering sync.WaitGroup
		for range 4 {
			entering.Go(func() { a.enter(ctx) })
		}
		time.Sleep(30 * time.Millisecond) // they are on their way
		within, stop := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := a.Destroy(within, "job")
		stop()
		cancel()
		entering.Wait()
		if err != nil {
			t.Fatal(err)
		}
		a.remove("job")
	}
}

// enter runs one process after the other in the job.
func (a *agent) enter(ctx context.Context) {
	for ctx.Err() == nil {
		stream, err := a.Exec(ctx, "job", containerizer.Exec{Args: []string{"true"}})
		if err != nil {
			continue // it has ended
		}
		_, _ = stream.Copy(ctx, io.Discard, io.Discard, nil)
		_ = stream.Close()
	}
}
