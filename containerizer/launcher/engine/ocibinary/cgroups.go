package ocibinary

import (
	"maps"
	"slices"
	"strings"

	"github.com/mctr/mctr/internal/cgroup"
)

// cgroups maps a controller to the name of the container's cgroup; the key of cgroup v2 is "".
type cgroups map[string]string

// parseCgroups reads /proc/[pid]/cgroup (cgroups(7)). It leaves out root groups, which belong to no
// container, and groups that this process cannot see. On a host with cgroup v1, it ignores v2.
func parseCgroups(text string, unified bool) cgroups {
	g := cgroups{}
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, name, ok := strings.Cut(rest, ":")
		if !ok || name == "/" || strings.HasPrefix(name, "/..") || (controllers == "") != unified {
			continue
		}
		for controller := range strings.SplitSeq(controllers, ",") {
			g[strings.TrimPrefix(controller, "name=")] = name
		}
	}
	return g
}

// names returns the distinct names, of which there is usually one.
func (g cgroups) names() []string { return slices.Compact(slices.Sorted(maps.Values(g))) }

func (g cgroups) pids() (pids []int, err error) {
	for _, name := range g.names() {
		found, err := cgroup.Pids(name)
		if err != nil {
			return nil, err
		}
		pids = append(pids, found...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}
