package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/internal/cgroup"
)

// A scope is the systemd unit of a bundle's container.
type scope struct {
	*bundle
	unit string
}

// scoped writes a bundle with limits whose control group systemd creates.
func (h *host) scoped() *scope {
	h.t.Helper()
	s := &scope{bundle: h.unpacked("sleep 1000"), unit: fmt.Sprintf("mctr-ocitest-%d.scope", os.Getpid())}
	memory, quota, period := int64(64<<20), int64(50000), uint64(100000)
	s.edit(func(spec *specs.Spec) {
		spec.Linux.CgroupsPath = fmt.Sprintf("system.slice:mctr-ocitest:%d", os.Getpid())
		spec.Linux.Resources = &specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: &memory}, CPU: &specs.LinuxCPU{Quota: &quota, Period: &period},
		}
	})
	return s
}

// verb runs a command of the runtime as a caller with the systemd cgroup driver does.
func (s *scope) verb(code int, args ...string) {
	s.t.Helper()
	s.wantOCI(code, append([]string{"--systemd-cgroup"}, args...)...)
}

// property returns a property of the unit.
func (s *scope) property(name string) string {
	s.t.Helper()
	return strings.TrimSpace(systemctl(s.t, "show", "--property", name, "--value", s.unit))
}

func systemctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// wantLimits checks the limits in systemd and in the kernel, before and after a reload of systemd.
func (s *scope) wantLimits(memory int64, cpu string) {
	s.t.Helper()
	for _, when := range []string{"set", "after a reload"} {
		group := cgroup.Dir("", "system.slice/"+s.unit)
		for file, want := range map[string]string{"memory.max": fmt.Sprint(memory), "cpu.max": cpu} {
			if got, err := os.ReadFile(filepath.Join(group, file)); err != nil ||
				strings.TrimSpace(string(got)) != want {
				s.t.Errorf("%s: %s is %q, %v; want %q", when, file, got, err, want)
			}
		}
		if got := s.property("MemoryMax"); got != fmt.Sprint(memory) {
			s.t.Errorf("%s: systemd has MemoryMax=%s, want %d", when, got, memory)
		}
		systemctl(s.t, "daemon-reload")
	}
}

// TestOCISystemd tests a container whose control group systemd creates, from create to delete. systemd
// must know every limit, because it resets those that it does not know.
func TestOCISystemd(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err != nil || !cgroup.Unified() {
		t.Skip("systemd does not run here on cgroup v2 (the virtual machine has it so)")
	}
	h := newHost(t)
	s := h.scoped()
	s.detached("--systemd-cgroup", "create", "--pid-file", "pid", "web")
	s.phase("created")
	if state := s.property("ActiveState"); state != "active" {
		t.Errorf("%s is %s", s.unit, state)
	}
	if groups, err := os.ReadFile("/proc/" + s.read("pid") + "/cgroup"); err != nil ||
		string(groups) != "0::/system.slice/"+s.unit+"\n" {
		t.Errorf("init is in %s, %v", groups, err)
	}
	s.wantLimits(64<<20, "50000 100000")
	s.verb(0, "start", "web")
	s.phase("running")
	s.verb(0, "update", "--memory", "48m", "--cpu-quota", "30000", "web")
	s.wantLimits(48<<20, "30000 100000")
	s.verb(0, "kill", "web", "KILL")
	h.eventually("it is stopped", func() bool {
		return strings.Contains(s.wantOCI(0, "state", "web").stdout, `"stopped"`)
	})
	s.verb(0, "delete", "web")
	h.eventually("systemd has no such unit", func() bool { return s.property("LoadState") == "not-found" })
	if dirs := cgroup.Dirs("system.slice/" + s.unit); len(dirs) > 0 {
		t.Errorf("control groups are left: %v", dirs)
	}
}
