package doctor

import (
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/buildinfo"
)

// TestCompare: for a program of another build, the finding names both builds.
func TestCompare(t *testing.T) {
	other := buildinfo.Self()
	other.Commit += "0"
	for name, b := range map[string]buildinfo.Build{"same": buildinfo.Self(), "other": other} {
		p := Program{Name: "mctr-helper", Path: "/x/mctr-helper"}
		Host{}.compare(&p, b)
		if (p.Differs == "") != (name == "same") || p.broken {
			t.Errorf("%s: got %+v", name, p)
		}
		if name == "other" && !(strings.Contains(p.Differs, p.Path) && strings.Contains(p.Differs, b.String())) {
			t.Errorf("got %q", p.Differs)
		}
	}
}

// TestReleases: only the releases of plugins that belong together count.
func TestReleases(t *testing.T) {
	for want, versions := range []map[string][]string{
		{"v1.0.0": {"vrf"}},
		{"v1.0.0": {"vrf", "sbr"}, "v1.9.1": {"bridge", "portmap"}},
		{"v1.0.0": {"vrf", "firewall"}, "v1.9.1": {"bridge", "portmap"}},
	} {
		if got := releases(versions); got != want {
			t.Errorf("%v: got %d, want %d", versions, got, want)
		}
	}
}
