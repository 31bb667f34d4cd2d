//go:build vm

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/testprogram"
)

// A unit is an agent that systemd runs with the units in this directory.
type unit struct {
	*host
	files []string
	above string // prefix of the paths of containers' control groups
}

// newService starts the unit of the agent.
func newService(t *testing.T, setting, above string) *unit {
	t.Helper()
	s := &unit{host: newDirs(t), above: above}
	t.Cleanup(s.uninstall)
	for _, unit := range []string{"mctr-containers.service", "mctr-agent.service"} {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		s.install(unit, string(text))
	}
	s.install("mctr-agent.service.d/test.conf", fmt.Sprintf("[Service]\nExecStart=\nExecStart=%s\n"+
		"Environment=MCTR_AGENT_ROOT=%s MCTR_AGENT_STATE=%s %s\n", testprogram.Find(t, "mctr-agent"), s.root, s.state,
		setting))
	s.systemctl("daemon-reload")
	s.systemctl("enable", "--runtime", "mctr-containers")
	s.systemctl("start", "mctr-agent")
	return s
}

func (s *unit) install(file, text string) {
	s.t.Helper()
	path := filepath.Join("/run/systemd/system", file)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		s.t.Fatal(err)
	}
	s.files = append(s.files, path)
}

// uninstall stops and removes the units, even if they did not start.
func (s *unit) uninstall() {
	_ = exec.Command("systemctl", "stop", "mctr-agent").Run()
	_ = exec.Command("systemctl", "kill", "-s", "KILL", "mctr-containers").Run()
	s.systemctl("disable", "--runtime", "mctr-containers")
	for _, file := range s.files {
		if err := os.Remove(file); err != nil {
			s.t.Error(err)
		}
	}
	s.systemctl("daemon-reload")
}

func (s *unit) systemctl(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		journal, _ := exec.Command("journalctl", "--no-pager", "-n", "40", "-u", "mctr-agent").CombinedOutput()
		s.t.Fatalf("systemctl %s: %v: %s\n%s", strings.Join(args, " "), err, out, journal)
	}
	return strings.TrimSpace(string(out))
}

// mctr runs a command with --agent.
func (s *unit) mctr(args ...string) string {
	s.t.Helper()
	out, err := exec.Command(testprogram.Find(s.t, "mctr"),
		append([]string{"--agent", "unix://" + s.socket()}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("mctr %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *unit) pid(name string) int {
	s.t.Helper()
	pid, err := strconv.Atoi(s.mctr("inspect", "-f", "{{.State.Pid}}", name))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// wantInPlace checks that the container still has the same process, in the right control group and with
// its limit, and that the agent is in another group.
func (s *unit) wantInPlace(when, name string, pid int) {
	s.t.Helper()
	if now := s.pid(name); now != pid {
		s.t.Errorf("%s: %s is process %d, was %d", when, name, now, pid)
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	group := strings.TrimSpace(strings.TrimPrefix(string(data), "0::/"))
	if err != nil || !strings.HasPrefix(group, s.above) {
		s.t.Errorf("%s: %s is in %q, %v", when, name, group, err)
	}
	if limit, err := os.ReadFile(filepath.Join(cgroup.Mountpoint, group, "memory.max")); err != nil ||
		string(limit) != "67108864\n" {
		s.t.Errorf("%s: memory.max is %q, %v", when, limit, err)
	}
	agent := s.systemctl("show", "--property", "MainPID", "--value", "mctr-agent")
	if own, err := os.ReadFile("/proc/" + agent + "/cgroup"); err != nil ||
		string(own) != "0::/system.slice/mctr-agent.service\n" {
		s.t.Errorf("%s: the agent is in %q, %v", when, own, err)
	}
}

// TestUnderSystemd runs the agent with its units, with containers in the control group that systemd
// delegates. Containers keep running with their limits while the agent is restarted or dies and
// systemd reloads its units, and the agent can always be started again.
func TestUnderSystemd(t *testing.T) {
	s := newService(t, "MCTR_AGENT_CGROUP_PARENT=auto", "system.slice/mctr-containers.service/mctr-")
	run := []string{"run", "-d", "-q", "--memory", "64m", "--name"}
	s.mctr(append(run, "task", s.image, "sleep", "1000")...)
	pid := s.pid("task")
	s.wantInPlace("launched", "task", pid)
	for _, verb := range [][]string{
		{"daemon-reload"}, {"restart", "mctr-agent"}, {"daemon-reload"},
		{"kill", "--kill-whom=main", "-s", "KILL", "mctr-agent"},
		{"restart", "mctr-agent"}, {"daemon-reexec"},
	} {
		when := "after " + strings.Join(verb, " ")
		before := s.systemctl("show", "--property", "MainPID", "--value", "mctr-agent")
		s.systemctl(verb...)
		s.eventually(when+": the agent serves", func() bool {
			now := s.systemctl("show", "--property", "MainPID", "--value", "mctr-agent")
			return (now != before || strings.HasPrefix(verb[0], "daemon")) && s.serves()
		})
		s.wantInPlace(when, "task", pid)
	}
	s.mctr(append(run, "next", s.image, "sleep", "1000")...)
	s.wantInPlace("launched later", "next", s.pid("next"))
	s.systemctl("stop", "mctr-agent")
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil ||
		!strings.HasPrefix(string(data), "sleep\x00") {
		t.Errorf("with the agent the container ended: %q, %v", data, err)
	}
	s.systemctl("start", "mctr-agent")
	s.mctr("rm", "-f", "task", "next")
	s.systemctl("stop", "mctr-agent")
	s.systemctl("kill", "-s", "KILL", "mctr-containers")
	s.eventually("the containers' unit has ended", func() bool {
		return s.systemctl("show", "--property", "ActiveState", "--value", "mctr-containers") == "inactive"
	})
	if dirs := cgroup.Dirs("system.slice/mctr-containers.service"); len(dirs) > 0 {
		t.Errorf("control groups are left: %v", dirs)
	}
}

// TestUnderSystemdScopes checks that systemd creates scopes for the containers of the agent in the slice
// of --cgroup-parent.
func TestUnderSystemdScopes(t *testing.T) {
	s := newService(t, "MCTR_AGENT_CGROUP_MANAGER=systemd MCTR_AGENT_CGROUP_PARENT=mctrtest-deep.slice",
		"mctrtest.slice/mctrtest-deep.slice/mctr-")
	t.Cleanup(func() { s.systemctl("stop", "mctrtest.slice") })
	s.mctr("run", "-d", "-q", "--memory", "64m", "--name", "task", s.image, "sleep", "1000")
	pid := s.pid("task")
	s.wantInPlace("launched", "task", pid)
	s.systemctl("restart", "mctr-agent")
	s.eventually("the agent serves", s.serves)
	s.wantInPlace("after a restart", "task", pid)
	s.mctr("rm", "-f", "task")
	s.eventually("no scope is left", func() bool {
		groups, err := filepath.Glob(filepath.Join(cgroup.Mountpoint, s.above+"*"))
		return err == nil && len(groups) == 0 &&
			s.systemctl("list-units", "--all", "--plain", "--no-legend", "mctr-*.scope") == ""
	})
}
