package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

// TestScopes wants a scope for each root of each STATE, and in it all that is the
// root's.
func TestScopes(t *testing.T) {
	seen := map[string]bool{}
	for _, state := range []string{DefaultState, "/other"} {
		l := &Layout{State: state, Parent: "a.slice/a-b.slice"}
		for _, root := range []mctr.ContainerID{"job", "web"} {
			scope := l.Paths(root).Scope()
			if seen[scope] || filepath.Ext(scope) != ".scope" || !strings.HasPrefix(scope, "mctr-") {
				t.Errorf("the scope of %s in %s is %s", root, state, scope)
			}
			seen[scope] = true
			for of, group := range map[string]string{
				"limits": l.Paths(root + ".in").RootCgroup(), "a nested one": l.Paths(root + ".in").Cgroup(),
				"main":  l.Paths(root).Cgroup(),
				"shims": l.Paths(root + ".in.deep").ShimCgroup(),
			} {
				if !strings.HasPrefix(group, "a.slice/a-b.slice/"+scope+"/") {
					t.Errorf("%s of %s: %s", of, root, group)
				}
			}
		}
	}
}
