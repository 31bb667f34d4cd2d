package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/isolators"
)

// limitsOf reads what the kernel has for a container: memory and pids.
func (a *agent) limitsOf(id mctr.ContainerID) string {
	a.t.Helper()
	return a.limitsIn(store.At("", a.state).Container(id).Cgroup())
}

func (a *agent) limitsIn(group string) string {
	a.t.Helper()
	file := "memory.max"
	if !cgroup.Unified() {
		file = "memory.limit_in_bytes"
	}
	var found []string
	for _, path := range []string{filepath.Join(cgroup.Dir("memory", group), file),
		filepath.Join(cgroup.Dir("pids", group), "pids.max")} {
		data, err := os.ReadFile(path)
		if err != nil {
			a.t.Fatal(err)
		}
		found = append(found, strings.TrimSpace(string(data)))
	}
	return strings.Join(found, " ")
}

func limits(memory, pids int64) mctr.Resources {
	r := mctr.Resources{Memory: mctr.Memory{Limit: &memory}}
	if pids != 0 {
		r.Pids = &pids
	}
	return r
}

func TestUpdate(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Resources = limits(64<<20, 50)
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change mctr.Resources
		want   string
	}{
		{limits(128<<20, 0), "134217728 50"}, // more, with the swap that goes with it
		{limits(32<<20, 70), "33554432 70"},
		{mctr.Resources{}, "33554432 70"},
	} {
		if err := a.Update(t.Context(), "job", c.change); err != nil {
			t.Error(err)
		}
		if got := a.limitsOf("job"); got != c.want {
			t.Errorf("limits %s, want %s", got, c.want)
		}
	}
	s, err := a.open().Status(t.Context(), "job")
	if err != nil || *s.Config.Resources.Memory.Limit != 32<<20 || *s.Config.Resources.Pids != 70 {
		t.Errorf("recorded: %+v, %v", s.Config.Resources, err)
	}
	a.remove("job")
}

// TestUpdateRefused wants a limit below what is used, and one that cannot be
// meant, to be refused with the numbers, and nothing to change.
func TestUpdateRefused(t *testing.T) {
	a := newAgent(t)
	config := a.config("sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo ready; sleep 100")
	config.Resources = limits(64<<20, 50)
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	a.eventually("20 MiB are in use", func() bool {
		u, err := a.Usage(t.Context(), "job")
		return err == nil && u.MemoryBytes > 20<<20
	})
	for _, c := range []struct {
		change mctr.Resources
		is     error
		text   string
	}{
		{limits(16<<20, 0), mctr.ErrState, "resources.memory.limit 16777216: 2"},
		{limits(1, 0), mctr.ErrInvalid, "6m"},
		{mctr.Resources{Memory: mctr.Memory{DisableOOM: true}}, mctr.ErrInvalid, "OOM"},
		{mctr.Resources{CPU: mctr.CPU{Cpus: "900"}}, mctr.ErrInvalid, "resources.cpu.cpus"},
	} {
		if err := a.Update(t.Context(), "job", c.change); !errors.Is(err, c.is) ||
			!strings.Contains(err.Error(), c.text) {
			t.Errorf("update: %v, want %q", err, c.text)
		}
	}
	if got := a.limitsOf("job"); got != "67108864 50" {
		t.Errorf("limits %s are not the old ones", got)
	}
	a.remove("job")
	if err := a.Update(t.Context(), "job", limits(64<<20, 0)); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("update of one that is gone: %v", err)
	}
}

// TestUpdateAsksOfTheChange updates a container whose config would be refused at a launch
// by now: what it has is taken, by itself, and a directory that it binds is gone.
func TestUpdateAsksOfTheChange(t *testing.T) {
	taken := &taker{}
	a := newAgent(t, taken)
	config := a.config("sleep", "100")
	dir := t.TempDir()
	config.Volumes = []mctr.Volume{{Type: "bind", Source: dir, Target: "/data"}}
	config.Devices = []mctr.Device{{Source: "/dev/null", Target: "/dev/own"}}
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	taken.all = true
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := a.Update(t.Context(), "job", limits(128<<20, 50)); err != nil {
		t.Error(err)
	}
	if got := a.limitsOf("job"); got != "134217728 50" {
		t.Errorf("limits %s", got)
	}
	if err := a.UpdateGroup(t.Context(), "job", limits(256<<20, 0)); err != nil {
		t.Error(err)
	}
	if err := a.Update(t.Context(), "job", limits(1, 0)); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("a limit that no container can have: %v", err)
	}
	a.remove("job")
}

// A taker refuses a request for something besides resources, once all is taken.
type taker struct {
	isolators.Base
	all bool
}

func (*taker) Name() string { return "test/taker" }

func (i *taker) Check(_ context.Context, config *mctr.ContainerConfig) error {
	if i.all && (len(config.Ports)+len(config.Volumes)+len(config.Devices) > 0) {
		return fmt.Errorf("%w: it is taken", mctr.ErrInvalid)
	}
	return nil
}

// TestUpdateCutOff kills the updating process at each of its checkpoints: what
// was asked for is done by whoever recovers.
func TestUpdateCutOff(t *testing.T) {
	a := newAgent(t)
	for _, point := range []string{"state/begin-update", "update/applied", "state/end-update"} {
		config := a.config("sleep", "100")
		config.Resources = limits(64<<20, 50)
		config.Owner = "test"
		if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{Detach: true}); err != nil {
			t.Fatal(err)
		}
		if out, err := a.agentProcess("update", failpoint.Env+"="+point+"=kill").CombinedOutput(); err == nil {
			t.Errorf("%s: nothing was killed: %s", point, out)
		}
		a.recover()
		if got := a.limitsOf("job"); got != "33554432 70" {
			t.Errorf("%s: limits %s", point, got)
		}
		if s, err := a.Status(t.Context(), "job"); err != nil || *s.Config.Resources.Pids != 70 {
			t.Errorf("%s: %+v, %v", point, s, err)
		}
		a.remove("job")
	}
}
