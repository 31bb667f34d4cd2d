package containerizer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/logs"
)

func (a *agent) usage(id mctr.ContainerID) *mctr.Usage {
	a.t.Helper()
	u, err := a.Usage(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	return u
}

// until waits for the container to print word.
func (a *agent) until(id mctr.ContainerID, word string) {
	a.t.Helper()
	for {
		found := false
		err := a.Logs(a.t.Context(), id, logs.ReadOptions{Tail: -1}, func(e logs.Entry) error {
			found = found || strings.Contains(string(e.Text), word)
			return nil
		})
		if err != nil {
			a.t.Fatal(err)
		}
		if found {
			return // else this test ends by its timeout
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestGroupUsage wants a root and what is nested in it to be counted together, by
// an agent that has just started too, and what has ended as well.
func TestGroupUsage(t *testing.T) {
	a := newAgent(t)
	const work = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; "
	const keep = "dd if=/dev/zero of=/dev/shm/f bs=1M count=4 2>/dev/null; echo worked; exec sleep 100"
	a.launch("root", "sleep", "100")
	alone := a.config("sh", "-c", work+keep)
	alone.Network, alone.Namespaces.IPC = "none", "private"
	a.launchConfig("root.alone", alone)
	a.launch("root.shared", "sh", "-c", work+keep)
	a.launch("root.shared.deep", "sleep", "100")
	a.launch("root.ends", "sh", "-c", work)
	for _, id := range []mctr.ContainerID{"root.alone", "root.shared"} {
		a.until(id, "worked")
	}
	if _, err := a.Wait(t.Context(), "root.ends"); err != nil {
		t.Fatal(err)
	}
	root, one, two := a.usage("root"), a.usage("root.alone"), a.usage("root.shared")
	if root.Networks == nil || one.Networks == nil || two.Networks != nil {
		t.Errorf("networks: %v, %v of its own, %v of its parent's", root.Networks, one.Networks, two.Networks)
	}
	again := a.open()
	defer func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}()
	sum, err := again.GroupUsage(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	if together := root.CPUNanos + one.CPUNanos + two.CPUNanos; sum.CPUNanos <= together {
		t.Errorf("cpu time %d, and three that run have %d without one that ended", sum.CPUNanos, together)
	}
	if sum.Pids != 4 || sum.MemoryShmem < 8<<20 || sum.MemoryBytes < one.MemoryBytes {
		t.Errorf("%d processes, %d bytes of shared memory of %d; want 4 and 8 MiB", sum.Pids, sum.MemoryShmem,
			sum.MemoryBytes)
	}
	if len(sum.Networks) != len(root.Networks) {
		t.Errorf("networks: %+v", sum.Networks)
	}
	a.remove("root")
	if _, err := a.GroupUsage(t.Context(), "root"); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("usage of a group that is gone: %v", err)
	}
	if _, err := a.GroupUsage(t.Context(), "root.alone"); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("usage of a group of a nested one: %v", err)
	}
}
