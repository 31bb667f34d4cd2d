package leakcheck

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFinds makes one object of each kind that needs no tool: it is found, and no longer found once
// it is removed.
func TestFinds(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		make func(t *testing.T, dir string) (undo func())
	}{
		{Mount, tmpfs},
		{Cgroup, group},
		{Netns, pinned},
		{Process, sleeper},
		{File, open},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), fmt.Sprintf("leakcheck-%d", os.Getpid()))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			set := Snapshot(t, Scope{Names: []string{dir, filepath.Base(dir)}})
			undo := c.make(t, dir)
			leaks := set.compare()
			undo()
			if len(leaks) == 0 || !strings.HasPrefix(leaks[0], string(c.kind)+" left behind: ") {
				t.Errorf("found %q, want a %s first", leaks, c.kind)
			}
			set.Check()
		})
	}
}

func tmpfs(t *testing.T, dir string) func() {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	return func() { check(t, unix.Unmount(dir, 0)) }
}

func group(t *testing.T, dir string) func() {
	groups, err := cgroups()
	if err != nil || len(groups) == 0 {
		t.Fatalf("no cgroups: %v", err)
	}
	path := filepath.Join("/sys/fs/cgroup", filepath.Base(dir))
	if v1 := "/sys/fs/cgroup/pids"; exists(v1) {
		path = filepath.Join(v1, filepath.Base(dir))
	}
	check(t, os.Mkdir(path, 0o755))
	return func() { check(t, os.Remove(path)) }
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func pinned(t *testing.T, dir string) func() {
	path := filepath.Join(dir, "ns")
	check(t, os.WriteFile(path, nil, 0o600))
	check(t, unix.Mount("/proc/self/ns/net", path, "", unix.MS_BIND, ""))
	return func() { check(t, unix.Unmount(path, 0)) }
}

func sleeper(t *testing.T, _ string) func() {
	cmd := exec.Command("sleep", "60")
	check(t, cmd.Start())
	return func() {
		check(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed, it says
	}
}

func open(t *testing.T, dir string) func() {
	f, err := os.Open(dir)
	check(t, err)
	return func() { check(t, f.Close()) }
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFindsWhatWasTakenAway(t *testing.T) {
	dir := t.TempDir()
	undo := tmpfs(t, dir)
	set, err := Take(Scope{Names: []string{dir}})
	undo()
	check(t, err)
	if leaks := set.compare(); len(leaks) != 1 || !strings.HasPrefix(leaks[0], "mount taken away: "+dir) {
		t.Errorf("found %q, want the mount that went", leaks)
	}
}

// TestScope: mounts outside the scope are ignored, and kinds can be limited.
func TestScope(t *testing.T) {
	ours, others := t.TempDir(), t.TempDir()
	set := Snapshot(t, Scope{Names: []string{ours}})
	limited := Snapshot(t, Scope{Names: []string{others}, Kinds: []Kind{File}})
	undo := tmpfs(t, others)
	defer undo()
	for name, s := range map[string]*Set{"names": set, "kinds": limited} {
		if leaks := s.compare(); len(leaks) > 0 {
			t.Errorf("%s: found %q, which is out of scope", name, leaks)
		}
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct{ have, want, out string }{
		{"", "", ""},
		{"a b c", "a b c", ""},
		{"a b c", "", "a b c"},
		{"", "a", ""},
		{"a b b c", "a b c", "b"},
		{"b d", "a b c", "d"},
	} {
		got := strings.Join(missing(strings.Fields(c.have), strings.Fields(c.want)), " ")
		if got != c.out {
			t.Errorf("missing(%q, %q) = %q, want %q", c.have, c.want, got, c.out)
		}
	}
}

// TestWholeMachine: every lister works on this host, and the objects of this process do not differ
// from themselves.
func TestWholeMachine(t *testing.T) {
	set := Snapshot(t)
	for kind, want := range map[Kind]string{Mount: "/proc (proc / of", Link: "lo", Cgroup: "/sys/fs/cgroup",
		File: "0 ("} {
		if !strings.Contains(strings.Join(set.before[kind], "\n"), want) {
			t.Errorf("%ss: none with %q in %q", kind, want, set.before[kind])
		}
	}
}
