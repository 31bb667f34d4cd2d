// Package devices is the linux/devices isolator: it gives a container device nodes besides the
// standard ones. A privileged container gets the host's nodes. The isolator cgroups/devices decides
// which nodes the container may open.
//
// Launch: Check and Prepare; the engine makes the nodes in the container's /dev. On disk, in the
// kernel, recovery: nothing. Spec: runtime-spec config-linux.md, linux.devices. Mesos:
// isolators/linux/devices.
package devices

import (
	"context"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "linux/devices" }

// Check refuses devices that do not exist.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, d := range config.Devices {
		if _, err := d.Nodes(); err != nil {
			return err
		}
	}
	return nil
}

// Prepare lists the nodes.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	devices := slices.Clone(c.Config.Devices) // first, because the first node of a path counts
	if c.Config.Security.Privileged {
		devices = append(devices, hostDevices()...)
	}
	linux := &specs.Linux{}
	seen := map[string]bool{}
	for _, d := range devices {
		nodes, err := d.Nodes()
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			if !seen[n.Path] {
				seen[n.Path] = true
				linux.Devices = append(linux.Devices, device(n))
			}
		}
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: linux}}, nil
}

func device(n mctr.DeviceNode) specs.LinuxDevice {
	kind := "c"
	if n.Mode&unix.S_IFMT == unix.S_IFBLK {
		kind = "b"
	}
	mode := os.FileMode(n.Mode & 0o777)
	return specs.LinuxDevice{Path: n.Path, Type: kind, Major: n.Major, Minor: n.Minor, FileMode: &mode, UID: &n.UID,
		GID: &n.GID}
}

// standard are the entries of /dev that every container has of its own.
var standard = map[string]bool{
	"null": true, "zero": true, "full": true, "random": true, "urandom": true, "tty": true, "console": true,
	"ptmx": true, "pts": true, "shm": true, "mqueue": true, "fd": true, "stdin": true, "stdout": true, "stderr": true,
}

// hostDevices returns the host's nodes for a privileged container.
func hostDevices() []mctr.Device {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return nil
	}
	var devices []mctr.Device
	for _, e := range entries {
		d := mctr.Device{Source: "/dev/" + e.Name()}
		if standard[e.Name()] || e.Type()&os.ModeSymlink != 0 {
			continue
		}
		if _, err := d.Nodes(); err == nil { // a directory without nodes is an error
			devices = append(devices, d)
		}
	}
	return devices
}
