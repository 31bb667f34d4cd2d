package cni_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/mctr/mctr"
)

// TestPinLeavesTheProcess pins more namespaces than there are threads, and wants
// every thread of this process where it was.
func TestPinLeavesTheProcess(t *testing.T) {
	h := newHost(t)
	h.clean()
	where := func() map[string]int {
		found := map[string]int{}
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil {
				found[ns]++
			}
		}
		return found
	}
	each(32, func(i int) {
		id := mctr.ContainerID(fmt.Sprintf("box%d", i))
		path, err := h.Pin(id)
		if err != nil {
			t.Error(err)
		}
		if again, err := h.Pin(id); again != path || err != nil {
			t.Errorf("again: %s %v", again, err)
		}
	})
	h.until(func() bool { return len(where()) == 1 })
	each(32, func(i int) {
		if err := h.Unpin(mctr.ContainerID(fmt.Sprintf("box%d", i))); err != nil {
			t.Error(err)
		}
	})
}
