package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/cgroup"
)

// TestSystemdManager runs detached containers in scopes. The process that cleans up after a container is
// in its scope, too.
func TestSystemdManager(t *testing.T) {
	if err := cgroup.CheckSystemd(); err != nil {
		t.Skip("the virtual machine has it:", err)
	}
	h := newHost(t)
	h.env = []string{"MCTR_CGROUP_MANAGER=systemd"}
	if r := h.want(0, "run", "--rm", "-q", "--cgroupns", "host", h.image, "cat",
		"/proc/self/cgroup"); !strings.HasPrefix(r.stdout, "0::/system.slice/mctr-") {
		t.Errorf("it is in %s", r.stdout)
	}
	h.env = nil // the setting is now in STATE
	h.want(0, "run", "-d", "-q", "--name", "job", h.image, "sh", "-c", "exit 4")
	h.eventually("it has ended and is cleaned up", func() bool {
		return len(entries(filepath.Join(h.state, "containers"))) == 0
	})
	if r := h.want(0, "wait", "job"); r.stdout != "4\n" {
		t.Errorf("wait: %+v", r)
	}
	h.want(0, "start", "job")
	h.want(0, "run", "-d", "-q", "--rm", "--name", "other", h.image, "sleep", "100")
	if r := h.mctr("--cgroup-manager", "cgroupfs", "run", "--rm", h.image, "true"); r.code == 0 ||
		!strings.Contains(r.stderr, "system.slice") {
		t.Errorf("another manager: %+v", r)
	}
	h.want(0, "rm", "-f", "job", "other")
	h.eventually("systemd has no scope", func() bool {
		return !strings.Contains(systemctl(t, "list-units", "--all", "--plain", "--no-legend", "--type=scope"), "mctr-")
	})
	h.want(0, "--cgroup-manager", "cgroupfs", "run", "--rm", "-q", h.image, "true")
}
