package cgroup

import (
	"os/exec"
	"testing"
)

// TestRemoveEmpty: a group with a group or a process stays, and an empty one is removed.
func TestRemoveEmpty(t *testing.T) {
	name := group(t)
	all := len(Dirs(name))
	mkdir(t, name+"/below")
	if err := RemoveEmpty(name); err != nil || len(Dirs(name)) != all {
		t.Errorf("with groups below: %v, %d of %d stay", err, len(Dirs(name)), all)
	}
	if err := Remove(name + "/below"); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "100")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = sleeper.Process.Kill(), sleeper.Wait() }()
	if err := Join(name, sleeper.Process.Pid, "pids"); err != nil {
		t.Fatal(err)
	}
	if err := RemoveEmpty(name); err != nil || len(Dirs(name)) != 1 {
		t.Errorf("with a process: %v, %d stay", err, len(Dirs(name)))
	}
	_, _ = sleeper.Process.Kill(), sleeper.Wait()
	if err := RemoveEmpty(name); err != nil || len(Dirs(name)) != 0 {
		t.Errorf("empty: %v, %d stay", err, len(Dirs(name)))
	}
	if err := RemoveEmpty(name); err != nil {
		t.Error("gone: ", err)
	}
}
