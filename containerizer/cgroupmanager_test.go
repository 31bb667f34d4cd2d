package containerizer

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

// TestWantedParent is what flags make of what STATE has.
func TestWantedParent(t *testing.T) {
	none := "not given"
	for _, c := range []struct {
		recorded, manager, above string
		want                     string
		is                       error
	}{
		{"", "", none, "", nil},
		{"some/group", "", none, "some/group", nil},
		{"some/group", "cgroupfs", none, "some/group", nil},
		{"some/group", "", "", "", nil},
		{"", "cgroupfs", "some/group", "some/group", nil},
		{"", "cgroupfs", "a.slice", "", mctr.ErrInvalid},
		{"", "", "a.slice", "", mctr.ErrInvalid},
		{"", "systemd", none, "system.slice", nil},
		{"some/group", "systemd", none, "system.slice", nil},
		{"a.slice", "systemd", none, "a.slice", nil},
		{"a.slice", "systemd", "", "system.slice", nil},
		{"a.slice", "systemd", "b-c.slice", "b.slice/b-c.slice", nil},
		{"a.slice", "", none, "a.slice", nil},
		{"a.slice", "cgroupfs", none, "", nil},
		{"a.slice", "cgroupfs", "", "", nil},
		{"", "systemd", "some/group", "", mctr.ErrInvalid},
	} {
		asked := &Containerizer{manager: c.manager, paths: layout{parent: c.recorded}}
		if c.above != none {
			asked.above = &c.above
		}
		got, err := asked.wantedParent()
		if !errors.Is(err, c.is) || err == nil && got != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

// TestScopes wants a scope for each root of each STATE, and in it all that is the
// root's.
func TestScopes(t *testing.T) {
	seen := map[string]bool{}
	for _, state := range []string{defaultState, "/other"} {
		l := layout{state: state, parent: "a.slice/a-b.slice"}
		for _, root := range []mctr.ContainerID{"job", "web"} {
			scope := l.scope(root)
			if seen[scope] || filepath.Ext(scope) != ".scope" || !strings.HasPrefix(scope, "mctr-") {
				t.Errorf("the scope of %s in %s is %s", root, state, scope)
			}
			seen[scope] = true
			for of, group := range map[string]string{
				"limits": l.cgroup(root + ".in"), "a nested one": l.leaf(root + ".in"), "main": l.leaf(root),
				"shims": l.shims(root + ".in.deep"),
			} {
				if !strings.HasPrefix(group, "a.slice/a-b.slice/"+scope+"/") {
					t.Errorf("%s of %s: %s", of, root, group)
				}
			}
		}
	}
}
