package hostpath_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/hostpath"
)

// TestMain makes this binary act as the helper if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 { // as a helper is started
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

func newIsolator() isolators.Isolator {
	return hostpath.New(&helper.Runner{Helper: "/proc/self/exe"})
}

func bind(m mctr.Volume) mctr.ContainerConfig {
	m.Type = "bind"
	return mctr.ContainerConfig{Image: "test", Volumes: []mctr.Volume{m}}
}

func TestConformance(t *testing.T) {
	c := bind(mctr.Volume{Source: t.TempDir(), Target: "/x"})
	isolatortest.Run(t, newIsolator, &c)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: bind(mctr.Volume{Source: "data", Target: "/x"}), Is: mctr.ErrInvalid,
			Field: "volumes.source \"data\""},
		{Config: bind(mctr.Volume{Target: "/x"}), Is: mctr.ErrInvalid, Field: "volumes.source"},
		{Config: bind(mctr.Volume{Source: "/a", Target: "/x", Options: []string{"size=1m"}}), Is: mctr.ErrInvalid,
			Field: "volumes.options"},
		{Config: bind(mctr.Volume{Source: "/a", Target: "/x", Options: []string{"rw"}}), Is: mctr.ErrInvalid,
			Field: `"rw"`},
	})
	isolatortest.Accepts(t, newIsolator(),
		bind(mctr.Volume{Source: "/a", Target: "/x", Options: []string{"rslave", "nosuid"}}),
		mctr.ContainerConfig{Volumes: []mctr.Volume{{Type: "tmpfs", Target: "/x", Options: []string{"size=1m"}}}})
}

func TestPrepare(t *testing.T) {
	source := t.TempDir()
	for _, c := range []struct {
		name string
		m    mctr.Volume
		want string
	}{
		{"docker's defaults", mctr.Volume{}, `["rbind","rprivate"]`},
		{"read-only with what is below", mctr.Volume{ReadOnly: true}, `["rbind","rprivate","rro"]`},
		{"read-only alone", mctr.Volume{ReadOnly: true, Options: []string{"bind"}}, `["bind","rprivate","ro"]`},
		{"propagation", mctr.Volume{Options: []string{"rshared", "nosuid"}}, `["rshared","nosuid","rbind"]`},
	} {
		c.m.Source, c.m.Target = source, "/x/"
		a := isolatortest.Prepared(t, newIsolator(), bind(c.m))
		want := `[{"destination":"/x","type":"bind","source":"` + source + `","options":` + c.want + `}]`
		if got := isolatortest.JSON(t, a.Volumes); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, want)
		}
	}
	tmpfs := mctr.ContainerConfig{Image: "test", Volumes: []mctr.Volume{{Type: "tmpfs", Target: "/x"}}}
	if a := isolatortest.Prepared(t, newIsolator(), tmpfs); len(a.Volumes) > 0 {
		t.Errorf("a tmpfs is mounted too: %+v", a.Volumes)
	}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.WriteFile(dir+"/file", nil, 0o600), os.Symlink("file", dir+"/link"), os.Symlink("nowhere", dir+"/dangling"),
		os.Symlink("loop", dir+"/loop"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, source string
		create       bool
		want         error
	}{
		{"a file", "/file", false, nil},
		{"a link", "/link", false, nil},
		{"missing", "/missing", false, mctr.ErrInvalid},
		{"a dangling link", "/dangling", false, mctr.ErrInvalid},
		{"made", "/a/b/c", true, nil},
		{"below a file", "/file/x", true, unix.ENOTDIR},
		{"a loop", "/loop", true, unix.ELOOP},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := bind(mctr.Volume{Source: dir + c.source, Target: "/x", Create: c.create})
			a, err := newIsolator().Prepare(t.Context(), isolatortest.NewContainer(t, config))
			if c.want == nil && (err != nil || len(a.Volumes) != 1) {
				t.Errorf("got %+v, %v", a, err)
			}
			if c.want != nil && (!errors.Is(err, c.want) || !strings.Contains(err.Error(), dir+c.source)) {
				t.Errorf("got %v, want %v that names the source", err, c.want)
			}
		})
	}
	if info, err := os.Stat(dir + "/a/b/c"); err != nil || !info.IsDir() || info.Mode().Perm() != 0o755 {
		t.Errorf("made source: %v, %v", info, err)
	}
}

// TestTargetWithoutImage checks that no mount point is made on the host's own filesystem.
func TestTargetWithoutImage(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, kind, target string
		want               error
	}{
		{"there", "bind", dir, nil},
		{"missing", "bind", dir + "/missing", mctr.ErrInvalid},
		{"missing for a tmpfs", "tmpfs", dir + "/missing", mctr.ErrInvalid},
		{"in the sandbox", "bind", "SANDBOX/new", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			container := isolatortest.NewContainer(t, mctr.ContainerConfig{})
			container.Config.Volumes = []mctr.Volume{{Type: c.kind, Source: "/etc",
				Target: strings.Replace(c.target, "SANDBOX", container.Sandbox, 1)}}
			_, err := newIsolator().Prepare(t.Context(), container)
			if !errors.Is(err, c.want) || c.want != nil && !strings.Contains(err.Error(), "volumes.target "+c.target) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestHungSource checks that a source that does not answer ends the launch with ErrHung, and that
// the helper is killed. The helper of this test never answers; the helper's own tests cover a real
// one that hangs.
func TestHungSource(t *testing.T) {
	script := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec sleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Process, leakcheck.File}})
	i := hostpath.New(&helper.Runner{Helper: script})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := i.Prepare(ctx,
		isolatortest.NewContainer(t, bind(mctr.Volume{Source: "/mnt/dead", Target: "/x", Create: true})))
	if !errors.Is(err, helper.ErrHung) || !strings.Contains(err.Error(), "/mnt/dead") {
		t.Errorf("got %v, want ErrHung that names the source", err)
	}
	leaks.Check()
}

// TestBrokenHelper checks the errors of a helper that is missing, dies, or answers nonsense.
func TestBrokenHelper(t *testing.T) {
	for n, script := range []string{"", "#!/bin/sh\nexit 3\n", "#!/bin/sh\necho nonsense >&3\n"} {
		path := filepath.Join(t.TempDir(), fmt.Sprint("helper", n))
		if script != "" {
			if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		_, err := hostpath.New(&helper.Runner{Helper: path}).Prepare(t.Context(),
			isolatortest.NewContainer(t, bind(mctr.Volume{Source: "/etc", Target: "/x"})))
		if err == nil || !strings.Contains(err.Error(), "helper") || !strings.Contains(err.Error(), "/etc") {
			t.Errorf("%q: %v, want an error of the helper that names the source", script, err)
		}
	}
}
