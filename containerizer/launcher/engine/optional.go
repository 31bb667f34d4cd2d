package engine

import (
	"github.com/opencontainers/runc/types"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// What follows is for package ociruntime, whose command line is runc's. An engine may do without.

// A FeatureLister is an Engine that knows what config.json may ask of it (runtime-spec, features.md).
type FeatureLister interface {
	Features() features.Features
}

// A SubCgroupExecer is a Container that can run a further process in control groups below its own. Their paths are by
// controller; the key of cgroup v2 is "".
type SubCgroupExecer interface {
	ExecInSubCgroups(subCgroups map[string]string, p *specs.Process, io Stdio) (*Process, error)
}

// A Meter is a Container that measures itself.
type Meter interface {
	Stats() (*types.Stats, error)

	// NotifyOOM returns a channel with an element for each time that the kernel's OOM killer struck. The channel is
	// closed when the container's control group is removed.
	NotifyOOM() (<-chan struct{}, error)
}

// An IntelRdtUpdater is a Container whose group of resctrl can be changed, where it was created with one.
type IntelRdtUpdater interface {
	// UpdateIntelRdt changes the schemata that are not empty.
	UpdateIntelRdt(l3CacheSchema, memBwSchema string) error
}
