// Package doctor finds out what this host supports for containers, by trying it where that is
// harmless, and names the remedy for each gap.
//
// It tries an overlay in a temporary directory, which it removes. It changes nothing else.
package doctor

import (
	"slices"

	"github.com/mctr/mctr"
)

// The states of a Finding.
const (
	OK      = mctr.FindingOK
	Missing = mctr.FindingMissing
	Broken  = mctr.FindingBroken
)

// A Finding is the result of one check.
type Finding = mctr.Finding

// A Host describes the host to check.
type Host struct {
	Root, State string            // mctr's directories
	Programs    map[string]string // paths of mctr's programs by name; "" for a missing program
	PluginDirs  []string          // directories of CNI plugins

	Shim func() (lacks []string, err error) // asks mctr-shim which features it lacks; nil: do not ask
}

// Examine runs all checks.
func Examine(h Host) []Finding {
	var found []Finding
	for _, ask := range []func(Host) []Finding{
		kernel, cgroups, namespaces, filesystems, security, programs, builds, network, gpus} {
		found = append(found, ask(h)...)
	}
	return found
}

// Works returns true if no finding is Broken.
func Works(found []Finding) bool {
	return !slices.ContainsFunc(found, func(f Finding) bool { return f.State == Broken })
}

// answer returns a finding that is OK with detail if err is nil, or else has the state otherwise.
func answer(area, what string, err error, detail, otherwise, remedy string) Finding {
	if err != nil {
		return Finding{Area: area, What: what, State: otherwise, Detail: err.Error(), Remedy: remedy}
	}
	return Finding{Area: area, What: what, State: OK, Detail: detail}
}
