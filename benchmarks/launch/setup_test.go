package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/cgroup"
)

// TestRig runs every contender, measures every supervisor, and checks that nothing is left.
func TestRig(t *testing.T) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	if err := becomeSubreaper(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	parents := []string{os.Getenv("TMPDIR"), t.TempDir(), t.TempDir()}
	g, err := newRig(t.Context(), bin, parents[1], parents[2])
	if err != nil {
		t.Fatal(err, "(make build)")
	}
	contenders := g.contenders(t.Context())
	raceErr := race(t.Context(), contenders, 1)
	memory := g.memory(t.Context(), 2)
	if err := g.close(t.Context()); err != nil || raceErr != nil {
		t.Fatal(err, raceErr)
	}
	for _, c := range contenders {
		if c.Errors > 0 {
			t.Errorf("%s: %s", c.Name, c.Error)
		}
	}
	for _, m := range memory {
		if m.Error != "" || m.PSS <= 0 {
			t.Errorf("%s: %.0f KiB, %s", m.Name, m.PSS, m.Error)
		}
	}
	wantNothing(t, g, parents)
}

func wantNothing(t *testing.T, g *rig, parents []string) {
	t.Helper()
	for _, dir := range parents {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v %v", dir, left, err)
		}
	}
	for _, group := range []string{g.others(), g.prefix(), g.prefix() + "-shims"} {
		if left := cgroup.Dirs(group); len(left) > 0 {
			t.Errorf("left of control groups: %s", left)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), g.state) || strings.Contains(string(mounts), g.dir) {
		t.Errorf("left of mounts, or %v:\n%s", err, mounts)
	}
}
