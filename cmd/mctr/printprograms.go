package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr/internal/doctor"
)

// printPrograms prints a line for each program, and one for the plugins of each release.
func printPrograms(programs []doctor.Program) {
	plugins := map[string]string{}
	for _, p := range programs {
		if plugin, ok := strings.CutPrefix(p.Name, "cni/"); ok {
			release := p.Version + ", in " + filepath.Dir(p.Path)
			plugins[release] = strings.TrimPrefix(plugins[release]+", "+plugin, ", ")
			continue
		}
		fmt.Printf("%s %s, commit %s, at %s\n", p.Name, p.Version, p.Commit, p.Path)
		if p.Differs != "" {
			fmt.Printf("  %s\n", p.Differs)
		}
	}
	for _, release := range slices.Sorted(maps.Keys(plugins)) {
		fmt.Printf("CNI plugins %s: %s\n", release, plugins[release])
	}
}
