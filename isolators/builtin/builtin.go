// Package builtin is the ordered table of mctr's own isolators. Prepare runs in
// this order and Cleanup backwards. Another isolator joins by being appended to
// the result in its own main; see docs/new-isolator.md.
package builtin

import (
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/internal/sidejob"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/cgroups/blkio"
	"github.com/mctr/mctr/isolators/cgroups/cpu"
	"github.com/mctr/mctr/isolators/cgroups/cpuset"
	cgroupdevices "github.com/mctr/mctr/isolators/cgroups/devices"
	"github.com/mctr/mctr/isolators/cgroups/memory"
	"github.com/mctr/mctr/isolators/cgroups/pids"
	"github.com/mctr/mctr/isolators/docker/runtime"
	filesystem "github.com/mctr/mctr/isolators/filesystem/linux"
	"github.com/mctr/mctr/isolators/linux/capabilities"
	"github.com/mctr/mctr/isolators/linux/devices"
	"github.com/mctr/mctr/isolators/linux/nnp"
	"github.com/mctr/mctr/isolators/linux/seccomp"
	"github.com/mctr/mctr/isolators/linux/sysctl"
	"github.com/mctr/mctr/isolators/namespaces/cgroup"
	"github.com/mctr/mctr/isolators/namespaces/ipc"
	"github.com/mctr/mctr/isolators/namespaces/pid"
	"github.com/mctr/mctr/isolators/namespaces/uts"
	network "github.com/mctr/mctr/isolators/network/cni"
	"github.com/mctr/mctr/isolators/network/ports"
	"github.com/mctr/mctr/isolators/posix/rlimits"
	"github.com/mctr/mctr/isolators/volume/hostpath"
	"github.com/mctr/mctr/isolators/volume/sandboxpath"
)

// Deps are what isolators need besides the container.
type Deps struct {
	Root, State string                        // hidden from containers on the host's filesystem
	Helper      string                        // the mctr-helper binary
	CgroupOf    func(mctr.ContainerID) string // a container's control group
	StateOf     func(mctr.ContainerID) string // a container's directory in State
	DirOf       func(mctr.ContainerID) string // a container's directory in Root
	Networks    *cni.Networks                 // nil: those below Root, with plugins in the usual places
}

// networks are the caller's, or Root's own.
func (d *Deps) networks() *cni.Networks {
	if d.Networks != nil {
		return d.Networks
	}
	return cni.New(cni.Config{Root: filepath.Join(d.Root, "cni"), State: filepath.Join(d.State, "cni")})
}

// Table lists the isolators: filesystem, then the process, volumes after what
// they may lie on, limits, and what takes privileges away.
func Table(d Deps) []isolators.Isolator {
	meter := usage.NewMeter()
	return []isolators.Isolator{
		filesystem.New(d.Root, d.State),
		pid.New(), ipc.New(d.StateOf), uts.New(), cgroup.New(),
		network.New(network.Deps{Networks: d.networks(), CgroupOf: d.CgroupOf, DirOf: d.DirOf, Meter: meter}), ports.New(d.CgroupOf, d.StateOf),
		runtime.New(d.Helper),
		hostpath.New(&sidejob.Runner{Helper: d.Helper}), sandboxpath.New(d.StateOf),
		cpu.New(d.CgroupOf, meter), memory.New(d.CgroupOf, meter), pids.New(d.CgroupOf, meter), cpuset.New(), blkio.New(d.CgroupOf, meter), cgroupdevices.New(),
		devices.New(), rlimits.New(), sysctl.New(), capabilities.New(), seccomp.New(), nnp.New(),
	}
}
