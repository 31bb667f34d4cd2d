package doctor_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/doctor"
	"github.com/mctr/mctr/internal/leakcheck"
)

func stateOf(t *testing.T, found []doctor.Finding, area, what string) doctor.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Area == area && f.What == what })
	if i < 0 {
		t.Fatalf("nothing is said of %s %s", area, what)
	}
	return found[i]
}

// TestThisHost: a host that can run the tests passes, and nothing is left behind.
func TestThisHost(t *testing.T) {
	dir := t.TempDir()
	set := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{dir},
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
	h := doctor.Host{Root: filepath.Join(dir, "not", "yet"), State: dir, Programs: map[string]string{"mctr-shim": "/x"}}
	found := doctor.Examine(h)
	set.Check()
	if !doctor.Works(found) {
		t.Errorf("this host is said to be broken: %+v", found)
	}
	for _, f := range found {
		if (f.State == doctor.OK) == (f.Remedy != "") {
			t.Errorf("a gap without a remedy, or one for no gap: %+v", f)
		}
	}
	if f := stateOf(t, found, "filesystems", "overlay below "+h.Root); f.State != doctor.OK {
		t.Errorf("overlay: %+v", f)
	}
	want := map[bool]string{true: "v2", false: "v1"}[cgroup.Unified()]
	if f := stateOf(t, found, "cgroups", "hierarchy"); f.Detail[:2] != want {
		t.Errorf("cgroups: %+v, want %s", f, want)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestGaps: a missing program, and a filesystem that does not support an overlay, are found.
func TestGaps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "proc")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("proc", dir, "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	found := doctor.Examine(doctor.Host{Root: dir, State: t.TempDir(), Programs: map[string]string{"mctr-shim": ""}})
	if doctor.Works(found) {
		t.Error("a host without mctr-shim is said to work")
	}
	if f := stateOf(t, found, "filesystems", "overlay below "+dir); f.State != doctor.Missing {
		t.Errorf("%+v", f)
	}
}
