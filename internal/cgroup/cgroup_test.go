package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr/internal/leakcheck"
)

// group makes a group in every hierarchy and checks at the end that it was removed.
func group(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("mctr-cgrouptest-%d-%x", os.Getpid(), time.Now().UnixNano())
	leaks := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{name}, Kinds: []leakcheck.Kind{leakcheck.Cgroup, leakcheck.Process}})
	t.Cleanup(func() {
		if err := errors.Join(Kill(name, 10*time.Second), Remove(name)); err != nil {
			t.Error(err)
		}
		leaks.Check()
	})
	mkdir(t, name)
	return name
}

func mkdir(t *testing.T, name string) {
	t.Helper()
	for _, root := range Roots() {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// controllers returns those of every hierarchy except v1's cpuset, whose groups accept no process
// before they have CPUs.
func controllers() (list []string) {
	for c := range Roots() {
		if c != "cpuset" {
			list = append(list, c)
		}
	}
	return list
}

// sleeper runs a shell command in the group and waits for it at the end of the test.
func sleeper(t *testing.T, name, command string) int {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read _; "+command)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // killed, it says
	t.Cleanup(func() {
		if err := Kill(name, 10*time.Second); err != nil { // it may be frozen
			t.Error(err)
		}
		<-ended
	})
	if err := Join(name, cmd.Process.Pid, controllers()...); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestJoinAndPids(t *testing.T) {
	name := group(t)
	if pids, err := Pids(name); err != nil || len(pids) != 0 {
		t.Errorf("an empty group has %v, %v", pids, err)
	}
	first := sleeper(t, name+"/a", "exec sleep 600") // Join makes it
	second := sleeper(t, name+"/b", "exec sleep 600")
	want := []int{first, second}
	slices.Sort(want)
	if pids, err := Pids(name); err != nil || !slices.Equal(pids, want) {
		t.Errorf("the group has %v, %v; want %v", pids, err, want)
	}
	for _, controller := range controllers() {
		data, err := os.ReadFile(filepath.Join(Dir(controller, name), "a", "cgroup.procs"))
		if err != nil || strings.TrimSpace(string(data)) != fmt.Sprint(first) {
			t.Errorf("%q: group a has %q, %v; want %d", controller, data, err, first)
		}
	}
	if err := Join(name+"/a", 1<<22+1, controllers()...); err != nil { // beyond pid_max
		t.Errorf("Join of a process that has ended: %v", err)
	}
}

// TestKill: every process dies, including those that ignore signals and those that a process forks
// while it is being killed.
func TestKill(t *testing.T) {
	name := group(t)
	sleeper(t, name+"/stubborn", "trap '' TERM INT HUP; while :; do sleep 0.01; done")
	sleeper(t, name+"/forks", "while :; do sleep 600 & sleep 0.005; done")
	if err := Kill(name, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if pids, err := Pids(name); err != nil || len(pids) != 0 {
		t.Errorf("alive: %v, %v", pids, err)
	}
	if err := Remove(name); err != nil {
		t.Error(err)
	}
	if dirs := Dirs(name); len(dirs) != 0 {
		t.Errorf("left: %q", dirs)
	}
}

// TestGone: a group that does not exist is not an error.
func TestGone(t *testing.T) {
	const name = "mctr-cgrouptest-none"
	pids, err := Pids(name)
	if err = errors.Join(err, Kill(name, time.Second), Remove(name)); err != nil || len(pids) != 0 ||
		len(Dirs(name)) != 0 || Frozen(name) {
		t.Errorf("a missing group: %v, %v", pids, err)
	}
	if pid := Process(name); pid != 0 {
		t.Errorf("a missing group has process %d", pid)
	}
}

// TestRemoveInUse: the error names what cannot be removed, and the rest is removed.
func TestRemoveInUse(t *testing.T) {
	name := group(t)
	mkdir(t, name+"/empty")
	sleeper(t, name+"/used", "exec sleep 600")
	err := Remove(name)
	if err == nil || !strings.Contains(err.Error(), name+"/used") {
		t.Errorf("got %v, want an error that names the group in use", err)
	}
	if dirs := Dirs(name + "/empty"); len(dirs) != 0 {
		t.Errorf("left: %q", dirs)
	}
}

func TestFrozen(t *testing.T) {
	name := group(t)
	sleeper(t, name, "exec sleep 600")
	file, on, off := filepath.Join(Dir("", name), "cgroup.freeze"), "1", "0"
	if !Unified() {
		file, on, off = filepath.Join(Dir("freezer", name), "freezer.state"), "FROZEN", "THAWED"
	}
	for _, c := range []struct {
		write string
		want  bool
	}{{on, true}, {off, false}, {on, true}} { // frozen in the end: Kill must cope
		if err := os.WriteFile(file, []byte(c.write), 0); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); Frozen(name) != c.want && time.Now().Before(end); {
			time.Sleep(time.Millisecond) // freezing takes the kernel a moment
		}
		if Frozen(name) != c.want {
			t.Errorf("%s: frozen is %t", c.write, !c.want)
		}
	}
}

func TestHas(t *testing.T) {
	name := group(t)
	sleeper(t, name, "exec sleep 600")
	if !Has("pids", "pids.max") || Has("pids", "pids.nonsense") || Has("nonsense", "pids.max") && !Unified() {
		t.Error("Has does not tell what this host has")
	}
}

// TestProcess: Process returns a process of the group or, if it has none, of a group below it.
func TestProcess(t *testing.T) {
	name := group(t)
	if pid := Process(name); pid != 0 {
		t.Errorf("an empty group has process %d", pid)
	}
	below := sleeper(t, name+"/below", "exec sleep 600")
	if pid := Process(name); pid != below {
		t.Errorf("got %d, want %d of the group below", pid, below)
	}
	if Unified() {
		return // a group that hands controllers down takes no process there
	}
	own := sleeper(t, name, "exec sleep 600")
	if pid := Process(name); pid != own {
		t.Errorf("got %d, want its own %d", pid, own)
	}
}
