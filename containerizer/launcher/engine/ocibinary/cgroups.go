package ocibinary

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mctr/mctr/internal/cgroup"
)

// cgroups are the names of a container's control groups by controller; v2's is "".
type cgroups map[string]string

// cgroupsOf reads those of pid (cgroups(7), /proc/[pid]/cgroup).
func cgroupsOf(pid int) (cgroups, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, fmt.Errorf("read the control groups of init: %w", err)
	}
	return parseCgroups(string(data), cgroup.Unified()), nil
}

// parseCgroups leaves out roots, which are no container's own, and groups outside of
// what this process can see. Beside v1, v2 has no controllers to speak of.
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

func (g cgroups) dirs() map[string]string {
	dirs := map[string]string{}
	for controller, name := range g {
		if dir := cgroup.Dir(controller, name); dir != "" {
			dirs[controller] = dir
		}
	}
	return dirs
}

// names are the distinct ones: mostly one.
func (g cgroups) names() []string {
	var names []string
	for _, name := range g {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

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

func (g cgroups) frozen() bool { return slices.ContainsFunc(g.names(), cgroup.Frozen) }
