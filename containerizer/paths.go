package containerizer

import (
	"sync"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
)

// CgroupOf names the control group of a container's own process, relative to
// the hierarchies' roots, for a containerizer whose STATE is state.
func CgroupOf(state string) func(mctr.ContainerID) string {
	opened := sync.OnceValue(func() *store.Store { // New may yet set the parent
		s := store.New("", state)
		s.Parent, _ = s.RecordedParent() // New reports the error
		return s
	})
	return func(id mctr.ContainerID) string { return opened().Paths(id).Cgroup() }
}

// StateOf names a container's directory in STATE, for a containerizer whose STATE
// is state.
func StateOf(state string) func(mctr.ContainerID) string {
	return func(id mctr.ContainerID) string { return store.New("", state).Paths(id).StateDir() }
}

// DirOf names a container's directory in ROOT, for a containerizer whose ROOT is root.
func DirOf(root string) func(mctr.ContainerID) string {
	return func(id mctr.ContainerID) string { return store.New(root, "").Paths(id).Dir() }
}

// Failpoints names every checkpoint at which a test can stop a launch and a
// release that use table: see package failpoint.
func Failpoints(table []isolators.Isolator) []string {
	names := make([]string, len(table))
	for i, isolator := range table {
		names[i] = isolator.Name()
	}
	return store.Checkpoints(names)
}
