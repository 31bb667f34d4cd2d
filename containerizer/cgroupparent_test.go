package containerizer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/cgroup"
)

// above makes the agent's containers be below a group.
func (a *agent) above(group string) {
	a.t.Helper()
	c, err := a.tryOpen(containerizer.WithCgroupParent(group))
	if err != nil {
		a.t.Fatal(err)
	}
	a.Containerizer = c
}

// TestCgroupParent puts everything below a group: the containers, their limits and
// the shims; also for a process that was not told.
func TestCgroupParent(t *testing.T) {
	a := newAgent(t)
	parent := "mctr-parenttest-" + mctr.NewID().Short() + "/deep"
	t.Cleanup(func() {
		if err := cgroup.Remove(filepath.Dir(parent)); err != nil {
			t.Error(err)
		}
	})
	a.above(parent)
	a.wantBelow(parent)
	other, err := a.tryOpen()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := other.Status(t.Context(), "job"); err != nil || !strings.HasPrefix(s.CgroupPath, "/"+parent+"/") {
		t.Errorf("another process: %+v, %v", s, err)
	}
	if _, err := a.tryOpen(containerizer.WithCgroupParent("elsewhere")); !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(), parent) {
		t.Errorf("another parent: %v", err)
	}
	a.remove("job")
	if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	for _, bad := range []string{"/absolute", "../out", "a/../b", "."} {
		if _, err := a.tryOpen(containerizer.WithCgroupParent(bad)); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// wantBelow launches a container with limits.
func (a *agent) wantBelow(parent string) {
	a.t.Helper()
	config := a.config("sleep", "100")
	config.Resources, config.GroupResources = limits(64<<20, 50), limits(96<<20, 60)
	a.launchConfig("job", config)
	s, err := a.Status(a.t.Context(), "job")
	if err != nil || !strings.HasPrefix(s.CgroupPath, "/"+parent+"/mctr-") {
		a.t.Errorf("status: %+v, %v", s, err)
	}
	if got := a.limitsOf("job") + ", " + a.groupLimitsOf("job"); got != "67108864 50, 100663296 60" {
		a.t.Errorf("limits: %s", got)
	}
	for _, pid := range []int{s.Pid, s.ShimPid} {
		groups, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err != nil || !strings.Contains(string(groups), "/"+parent+"/mctr-") {
			a.t.Errorf("process %d is in %s, %v", pid, groups, err)
		}
	}
}

// TestDelegated is an agent that systemd has given a group of its own: it moves
// into a part of it, and its containers get the rest.
func TestDelegated(t *testing.T) {
	own := cgroup.Delegated("no-such.service")
	if own == "" {
		t.Skip("systemd has delegated no control group to this process (the virtual machine has it so)")
	}
	if moved, err := cgroup.Settle(own, "agent"); err != nil || !moved {
		t.Fatal(moved, err)
	}
	if again := cgroup.Delegated("no-such.service"); again != own {
		t.Errorf("moved into a part of %s, it is told %q", own, again)
	}
	a := newAgent(t)
	a.above(own)
	a.wantBelow(own)
	a.remove("job")
}
