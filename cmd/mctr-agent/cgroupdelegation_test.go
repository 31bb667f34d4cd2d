package main

import (
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// TestCgroupParent checks that containers are below the group of --cgroup-parent, and that the next
// agent needs the same flag.
func TestCgroupParent(t *testing.T) {
	parent := "mctr-agent-parenttest-" + mctr.NewID().Short()
	h := newHost(t, "--cgroup-parent", parent)
	t.Cleanup(func() {
		h.stop()
		if err := cgroup.Remove(parent); err != nil {
			t.Error(err)
		}
	})
	h.launch("task", "cat /proc/self/cgroup; sleep 100")
	h.eventually("it says where it is", func() bool {
		said, _ := h.read("path=/containers/task/sandbox/stdout&offset=0")
		return strings.Contains(said, "/"+parent+"/mctr-")
	})
	h.stop()
	h.flags = nil
	if out, err := h.command().CombinedOutput(); err == nil || !strings.Contains(string(out), `below "/`+parent+`"`) {
		t.Errorf("an agent that wants them elsewhere: %v %s", err, out)
	}
	h.flags = []string{"--cgroup-parent", parent}
	h.start()
	h.remove("task")
}
