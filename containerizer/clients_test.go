package containerizer_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/logs"
)

// shimFiles counts the descriptors of the container's shim.
func (a *agent) shimFiles(id mctr.ContainerID) int {
	a.t.Helper()
	s, err := a.Status(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.ShimPid))
	if err != nil {
		a.t.Fatal(err)
	}
	return len(entries)
}

// TestWaitersLeave wants nothing kept for clients that waited for a while and went.
func TestWaitersLeave(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	before := a.shimFiles("job")
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, _ = a.Wait(ctx, "job")
		_ = a.Logs(ctx, "job", logs.ReadOptions{Follow: true}, func(logs.Entry) error { return nil })
		cancel()
	}
	a.eventually("they are forgotten", func() bool { return a.shimFiles("job") <= before })
	a.remove("job")
}
