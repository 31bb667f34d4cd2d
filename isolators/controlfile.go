package isolators

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// CheckControlFile returns an *mctr.UnsupportedError if the config sets field (asked) and this host's
// controller lacks the control file for it. The file is v1 or v2, depending on the host's version of
// cgroups; an empty name says that the version has no such setting.
func CheckControlFile(controller string, asked bool, field, v1, v2 string) error {
	file, version := v1, "v1"
	if cgroup.Unified() {
		file, version = v2, "v2"
	}
	switch {
	case !asked:
		return nil
	case file == "":
		return &mctr.UnsupportedError{Feature: field, Why: "cgroup " + version + " has no such setting"}
	case !cgroup.Has(controller, file):
		return &mctr.UnsupportedError{Feature: field, Why: "this kernel's cgroups have no " + file}
	}
	return nil
}
