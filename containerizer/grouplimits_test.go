package containerizer_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
)

// groupLimitsOf reads what the kernel has for a root and what is nested in it.
func (a *agent) groupLimitsOf(root mctr.ContainerID) string {
	a.t.Helper()
	return a.limitsIn(filepath.Dir(store.At("", a.state).Container(root).Cgroup()))
}

// TestGroupLimits limits two tasks together: the kernel has it above both, and what
// one task breaks says whose limit it was.
func TestGroupLimits(t *testing.T) {
	a := newAgent(t)
	g := a.group(
		map[string]string{
			"hog":  "while [ ! -e /go ]; do sleep 0.05; done; dd if=/dev/zero of=/dev/null bs=200M count=1",
			"good": "sleep 100"})
	g.Resources = limits(64<<20, 60)
	if err := a.LaunchGroup(t.Context(), "pod", g, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := a.groupLimitsOf("pod"); got != "67108864 60" {
		t.Errorf("limits of the group: %s", got)
	}
	if u, err := a.GroupUsage(t.Context(), "pod"); err != nil || u.MemoryLimit != 64<<20 || u.PidsLimit != 60 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	if err := a.UpdateGroup(t.Context(), "pod", limits(80<<20, 0)); err != nil {
		t.Error(err)
	}
	if got := a.groupLimitsOf("pod"); got != "83886080 60" {
		t.Errorf("limits of the group after an update: %s", got)
	}
	a.exec("pod.hog", "sh", "-c", "echo >/go")
	end, err := a.Wait(t.Context(), "pod.hog")
	if err != nil || end.Reason != mctr.ReasonOOM || end.Limitation == nil || end.Limitation.Limit != 80<<20 {
		t.Errorf("the hog ended by %+v, %v", end, err)
	}
	if end, err := a.Wait(t.Context(), "pod"); err != nil || end.Reason != mctr.ReasonTaskFailed {
		t.Errorf("the group ended by %+v, %v", end, err)
	}
	a.remove("pod")
}

// TestGroupLimitsRefused wants limits refused that a group cannot have, and the old
// ones kept.
func TestGroupLimitsRefused(t *testing.T) {
	a := newAgent(t)
	nested, config := a.config("sleep", "100"), a.config("sleep", "100")
	nested.GroupResources, config.GroupResources = limits(64<<20, 0), limits(64<<20, 60)
	a.launchConfig("root", config)
	if _, err := a.Launch(t.Context(), "root.in", nested,
		containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("limits of a nested one's group: %v", err)
	}
	a.exec("root", "dd", "if=/dev/zero", "of=/dev/shm/f", "bs=1M", "count=20")
	weight := uint16(100)
	for name, c := range map[string]struct {
		change mctr.Resources
		is     error
	}{
		"below what is used": {limits(10<<20, 0), mctr.ErrState},
		"too little":         {limits(1, 0), mctr.ErrInvalid},
		"disks":              {mctr.Resources{BlockIO: mctr.BlockIO{Weight: &weight}}, mctr.ErrInvalid},
		"the OOM killer":     {mctr.Resources{Memory: mctr.Memory{DisableOOM: true}}, mctr.ErrInvalid},
	} {
		if err := a.UpdateGroup(t.Context(), "root", c.change); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", name, err, c.is)
		}
	}
	if got := a.groupLimitsOf("root"); got != "67108864 60" {
		t.Errorf("limits: %s", got)
	}
	if err := a.UpdateGroup(t.Context(), "none", limits(64<<20, 0)); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	a.remove("root")
}

// TestGroupLimitsRecovered repeats an update that was cut off behind its record.
func TestGroupLimitsRecovered(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.GroupResources = limits(64<<20, 60)
	a.launchConfig("root", config)
	file := filepath.Join(cgroup.Dir("pids", filepath.Dir(store.At("", a.state).Container("root").Cgroup())),
		"pids.max")
	if err := os.WriteFile(file, []byte("50"), 0); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	a.recover()
	if got := a.groupLimitsOf("root"); got != "67108864 60" {
		t.Errorf("limits: %s", got)
	}
	a.remove("root")
}
