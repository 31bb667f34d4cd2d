package cgroup

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
)

// DefaultSlice is systemd's slice for system services, which always exists.
const DefaultSlice = "system.slice"

const sliceSuffix = ".slice"

// IsSlice returns true if the name of a group is that of a slice of systemd.
func IsSlice(group string) bool { return strings.HasSuffix(group, sliceSuffix) }

// Slice returns the group of systemd's slice called name. Dashes in the name separate the levels of
// the tree: a-b.slice is below a.slice (systemd.slice(5)).
func Slice(name string) (string, error) {
	levels, ok := strings.CutSuffix(name, sliceSuffix)
	group, so := "", ""
	for level := range strings.SplitSeq(levels, "-") {
		ok = ok && level != "" && !strings.ContainsFunc(level, notInUnits)
		so += level
		group = filepath.Join(group, so+sliceSuffix)
		so += "-"
	}
	if !ok {
		return "", fmt.Errorf("%w: control group parent %q: host.cgroup_manager systemd wants one of systemd's "+
			"slices, like a.slice or a-b.slice", mctr.ErrInvalid, name)
	}
	return group, nil
}

// notInUnits returns true if r must not occur in the name of a unit (systemd.unit(5)).
func notInUnits(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\", r)
}
