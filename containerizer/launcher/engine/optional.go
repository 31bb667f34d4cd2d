package engine

import (
	"github.com/opencontainers/runc/types"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// The interfaces below serve package ociruntime, which has runc's command line. An engine need not
// implement them.

// A FeatureLister is an Engine that reports which properties of config.json it supports
// (runtime-spec, features.md).
type FeatureLister interface {
	Features() features.Features
}

// A SubCgroupExecer is a Container that can run a further process in cgroups below its own. Their
// paths are by controller; the key of cgroup v2 is "".
type SubCgroupExecer interface {
	ExecInSubCgroups(subCgroups map[string]string, p *specs.Process, io Stdio) (*Process, error)
}

// A Meter is a Container that reports its resource usage.
type Meter interface {
	Stats() (*types.Stats, error)

	// NotifyOOM returns a channel that receives an element for each run of the kernel's OOM killer
	// in the container. The channel is closed when the container's cgroup is removed.
	NotifyOOM() (<-chan struct{}, error)
}

// An IntelRdtUpdater is a Container whose resctrl group can be changed, if it was created with one.
type IntelRdtUpdater interface {
	// UpdateIntelRdt changes the schemata that are not empty.
	UpdateIntelRdt(l3CacheSchema, memBwSchema string) error
}
