package lifecycle

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/internal/leakcheck"
)

// TestVerify binds to a target what a faulty plugin may bind to it.
func TestVerify(t *testing.T) {
	root := t.TempDir()
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{root}, Kinds: []leakcheck.Kind{leakcheck.Mount}})
	r := &csi.Record{ID: "v1", Volume: csi.Volume{Plugin: "p", Name: "data"},
		References: map[mctr.ContainerID]*csi.Reference{}}
	store := csi.NewStore(root)
	r.Staging = &csi.Staging{Path: store.StagingPath(r)}
	target, elsewhere := store.TargetPath(r, "one"), root+"/elsewhere"
	other := filepath.Join(store.Dir(), "targets/another/one")
	for _, dir := range []string{r.Staging.Path, target, other, elsewhere} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	v := &volume{work: &work{store: store}, r: r}
	tmpfs := mounter("tmpfs", "tmpfs", 0)
	bind := func(from string) func(string) error { return mounter(from, "", unix.MS_BIND) }
	twin := &csi.Record{Volume: csi.Volume{Plugin: "p", Name: "twin"}, ID: "v2",
		Context: map[string]string{"share": "/x"}}
	lock, err := store.Lock(t.Context(), twin.Volume.Key())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	twins := store.TargetPath(twin, "one")
	if err := errors.Join(store.Write(twin, false), os.MkdirAll(twins, 0o755)); err != nil {
		t.Fatal(err)
	}
	r.Context = maps.Clone(twin.Context)
	for _, c := range []struct {
		name   string
		mounts []func() error // in order
		want   string         // part of the error; "" for none
	}{
		{"nothing", nil, "not a mount"},
		{"the staging directory, not mounted", []func() error{with(bind(r.Staging.Path), target)}, "host's disk"},
		{"itself", []func() error{with(bind(target), target)}, "host's disk"},
		{"what is staged", []func() error{with(tmpfs, r.Staging.Path), with(bind(r.Staging.Path), target)}, ""},
		{"what is staged, by another device", []func() error{with(tmpfs, r.Staging.Path), with(tmpfs, target)},
			"is staged at"},
		{"a directory of the plugin", []func() error{with(bind(elsewhere), target)}, ""},
		{"what another volume shows", []func() error{with(bind(elsewhere), other), with(bind(elsewhere), target)},
			"another volume"},
		{"what a volume with the same context shows", []func() error{with(bind(elsewhere), twins),
			with(bind(elsewhere), target)}, ""},
		{"its own filesystem, mounted at the publish", []func() error{with(tmpfs, target)}, ""},
	} {
		for _, mount := range c.mounts {
			if err := mount(); err != nil {
				t.Fatal(c.name, err)
			}
		}
		err := v.verify(target)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		for _, path := range []string{target, other, twins, r.Staging.Path} {
			_ = unix.Unmount(path, 0) // those that are mounted
		}
	}
	leaks.Check()
}

// mounter returns a function that mounts source at a path.
func mounter(source, kind string, flags uintptr) func(string) error {
	return func(path string) error { return unix.Mount(source, path, kind, flags, "") }
}

func with(mount func(string) error, path string) func() error {
	return func() error { return mount(path) }
}

// TestRemoveEmpty follows no mount, and removes nothing that has content.
func TestRemoveEmpty(t *testing.T) {
	dir := t.TempDir()
	mounted, full, empty, file, content := dir+"/mounted", dir+"/full", dir+"/empty", dir+"/file", dir+"/content"
	for _, path := range []string{mounted, full + "/x", empty} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{file: "", content: "data"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("tmpfs", mounted, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(mounted, 0); err != nil {
			t.Error(err)
		}
	}()
	for path, removed := range map[string]bool{mounted: false, full: false, content: false, empty: true, file: true,
		dir + "/missing": true} {
		err := removeEmpty(path)
		_, stat := os.Lstat(path)
		if (err == nil) != removed || os.IsNotExist(stat) != removed {
			t.Errorf("%s: %v, %v", path, err, stat)
		}
	}
}

// TestReaches needs all segments of one topology.
func TestReaches(t *testing.T) {
	node := csi.Segments{"zone": "a", "rack": "1"}
	for _, c := range []struct {
		topologies []csi.Segments
		want       bool
	}{
		{nil, true},
		{[]csi.Segments{{"zone": "a"}}, true},
		{[]csi.Segments{{"zone": "a", "rack": "2"}}, false},
		{[]csi.Segments{{"zone": "b"}, {"zone": "a", "rack": "1"}}, true},
		{[]csi.Segments{{"region": "x"}}, false},
	} {
		if got := reaches(c.topologies, node); got != c.want {
			t.Errorf("%v: %t", c.topologies, got)
		}
	}
}
