package stateful

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/mctr/mctr"
)

// LeftMounts returns the mounts of containers that are not known, for the verb Recover: those in the
// directories that dirs returns, which are below the container's State. It changes nothing.
func LeftMounts(known []mctr.ContainerState, handleOf mctr.HandleOf,
	dirs func(mctr.Handle) []string) (found []mctr.Leftover, err error) {
	states := filepath.Dir(handleOf("x").State)
	infos, err := mountinfo.GetMounts(mountinfo.PrefixFilter(states))
	for _, m := range infos {
		name, _, _ := strings.Cut(strings.TrimPrefix(m.Mountpoint, states+"/"), "/")
		id := mctr.ContainerID(name)
		if id.Validate() != nil || slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == id }) {
			continue
		}
		below := func(dir string) bool { return strings.HasPrefix(m.Mountpoint, dir+"/") }
		if slices.ContainsFunc(dirs(handleOf(id)), below) {
			found = append(found, mctr.Leftover{Kind: "mount", Object: m.Mountpoint, Owner: id,
				Why: "its container does not exist", Undo: "unmount it"})
		}
	}
	return found, err
}
