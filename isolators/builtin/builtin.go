// Package builtin has the ordered table of mctr's own isolators. Prepare runs in this order and
// Cleanup in reverse. A program adds an isolator by appending it to the table; see
// docs/new-isolator.md.
package builtin

import (
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	csivolumes "github.com/mctr/mctr/csi/volumes"
	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/cgroups/blkio"
	"github.com/mctr/mctr/isolators/cgroups/cpu"
	"github.com/mctr/mctr/isolators/cgroups/cpuset"
	cgroupdevices "github.com/mctr/mctr/isolators/cgroups/devices"
	"github.com/mctr/mctr/isolators/cgroups/memory"
	"github.com/mctr/mctr/isolators/cgroups/pids"
	diskquota "github.com/mctr/mctr/isolators/disk/quota"
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
	volumecephfs "github.com/mctr/mctr/isolators/volume/cephfs"
	"github.com/mctr/mctr/isolators/volume/csi"
	"github.com/mctr/mctr/isolators/volume/hostpath"
	"github.com/mctr/mctr/isolators/volume/image"
	"github.com/mctr/mctr/isolators/volume/local"
	"github.com/mctr/mctr/isolators/volume/sandboxpath"
	"github.com/mctr/mctr/isolators/volume/secret"
	"github.com/mctr/mctr/provisioner"
)

// Deps are what isolators need besides the container. Root and State are the directories of the
// containerizer that uses the table: containerizer.New refuses a table for others.
type Deps struct {
	Root, State string
	Helper      string                   // the path of mctr-helper; "": beside this program, or in PATH
	Images      *provisioner.Provisioner // nil: images cannot be volumes
	Networks    *cni.Networks            // nil: the networks below Root, with plugins in the default directories
	CSI         *csivolumes.Driver       // nil: the volumes below Root, with the mctr-csi beside this program
}

// Table returns the isolators in order: the filesystem, the process, the volumes after the mounts
// that may contain them, the limits, and the isolators that remove privileges. volume/csi follows
// cgroups/devices, whose first rule denies all devices.
func Table(d Deps) []isolators.Isolator {
	meter := usage.NewMeter()
	if d.Helper == "" {
		d.Helper, _ = containerizer.FindProgram("mctr-helper") // an isolator that needs it reports the error
	}
	if d.Networks == nil {
		d.Networks = cni.New(cni.Config{Root: filepath.Join(d.Root, "cni"), State: filepath.Join(d.State, "cni")})
	}
	if d.CSI == nil {
		program, _ := containerizer.FindProgram("mctr-csi") // a volume that needs it reports the error
		d.CSI = csivolumes.New(d.Root, program)
	}
	run := &helper.Runner{Helper: d.Helper}
	ceph := cephfs.New(cephfs.Config{State: d.State, Helper: run})
	named := volumes.New(volumes.Config{Root: d.Root, State: d.State, Helper: d.Helper,
		Drivers: []mctr.VolumeDriver{ceph.Driver(), d.CSI}})
	return []isolators.Isolator{
		filesystem.New(d.Root, d.State),
		pid.New(), ipc.New(), uts.New(), cgroup.New(),
		network.New(network.Deps{Networks: d.Networks, Meter: meter}),
		ports.New(), runtime.New(d.Helper),
		hostpath.New(run), sandboxpath.New(),
		local.New(named), image.New(d.Images), secret.New(d.State, run), volumecephfs.New(named, ceph),
		diskquota.New(d.Root, d.Helper), cpu.New(meter), memory.New(meter), pids.New(meter), cpuset.New(),
		blkio.New(meter), cgroupdevices.New(), csi.New(csi.Deps{Named: named, Driver: d.CSI, Jobs: run}),
		devices.New(), rlimits.New(), sysctl.New(), capabilities.New(), seccomp.New(), nnp.New(),
	}
}
