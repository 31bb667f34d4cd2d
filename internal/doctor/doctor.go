// Package doctor asks this host what it can do for containers, by trying where
// trying is harmless, and names the remedy for each gap.
//
// What it tries (an overlay in a directory of its own) is gone when it returns. It
// changes nothing else.
package doctor

import (
	"slices"

	"github.com/mctr/mctr"
)

// How much a finding matters.
const (
	OK      = mctr.FindingOK
	Missing = mctr.FindingMissing
	Broken  = mctr.FindingBroken
)

// A Finding is the answer to one question.
type Finding = mctr.Finding

// A Host is what the questions are about.
type Host struct {
	Root, State string            // mctr's directories
	Programs    map[string]string // mctr's own programs by name; an empty path is a missing one
	PluginDirs  []string          // of CNI plugins

	Shim func() (lacks []string, err error) // asks mctr-shim what it does not understand; nil: it is not asked
}

// Examine asks everything.
func Examine(h Host) []Finding {
	var found []Finding
	for _, ask := range []func(Host) []Finding{
		kernel, cgroups, namespaces, filesystems, security, programs, builds, network, gpus} {
		found = append(found, ask(h)...)
	}
	return found
}

// Works reports whether nothing is broken.
func Works(found []Finding) bool {
	return !slices.ContainsFunc(found, func(f Finding) bool { return f.State == Broken })
}

// answer is OK with detail, or otherwise what the gap is.
func answer(area, what string, err error, detail, otherwise, remedy string) Finding {
	if err != nil {
		return Finding{Area: area, What: what, State: otherwise, Detail: err.Error(), Remedy: remedy}
	}
	return Finding{Area: area, What: what, State: OK, Detail: detail}
}
