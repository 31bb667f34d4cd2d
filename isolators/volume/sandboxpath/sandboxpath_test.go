package sandboxpath_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/sandboxpath"
)

func config(kind, source string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Volumes: []mctr.Volume{{Type: kind, Source: source, Target: "/data"}}}
}

func TestConformance(t *testing.T) {
	own := config("sandbox", "a/b")
	isolatortest.Run(t, sandboxpath.New, &own)
}

func TestCheck(t *testing.T) {
	i := sandboxpath.New()
	isolatortest.Refuses(t, i, []isolatortest.Refusal{
		{Config: config("sandbox", ""), Is: mctr.ErrInvalid, Field: `volumes.source "" of the sandbox at`},
		{Config: config("sandbox", "/etc"), Is: mctr.ErrInvalid, Field: "/etc"},
		{Config: config("parent-sandbox", "../x"), Is: mctr.ErrInvalid, Field: "../x"},
	})
	isolatortest.Accepts(t, i, config("sandbox", "a"), config("parent-sandbox", "a/../b"), config("bind", "/etc"))
}

// TestVolume checks that the container's spec names a mount of mctr's that shows the sandbox's
// directory, whatever the task does to the path later.
func TestVolume(t *testing.T) {
	set := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{"/TestVolume"},
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
	i := sandboxpath.New()
	c := isolatortest.NewContainer(t, config("parent-sandbox", "shared/deep"))
	if _, err := i.Prepare(t.Context(), c); err == nil || !strings.Contains(err.Error(), "not nested") {
		t.Errorf("without a parent: %v", err)
	}
	c.Parent = &mctr.Parent{ID: "p", Config: &mctr.ContainerConfig{}, Sandbox: t.TempDir()}
	a, err := i.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	source := a.Volumes[0].Source
	place := filepath.Join(c.Parent.Sandbox, "shared/deep")
	if err := os.Rename(place, place+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", place); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(source); err != nil || len(entries) > 0 {
		t.Errorf("the volume shows %v, %v", entries, err)
	}
	if err := i.Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
	set.Check()
}

// TestHostileSandbox lets the task replace the directory by a link to the host.
func TestHostileSandbox(t *testing.T) {
	outside := t.TempDir()
	for _, link := range []string{outside, "../../../../../../" + outside, "/"} {
		i := sandboxpath.New()
		c := isolatortest.NewContainer(t, config("sandbox", "trap/inner"))
		if err := os.Symlink(link, filepath.Join(c.Sandbox, "trap")); err != nil {
			t.Fatal(err)
		}
		if a, err := i.Prepare(t.Context(), c); err == nil {
			t.Errorf("%s: a volume was made: %+v", link, a.Volumes)
		}
		if err := i.Cleanup(t.Context(), c.Handle); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside has %v, %v", entries, err)
	}
}
