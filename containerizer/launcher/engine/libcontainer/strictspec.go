package libcontainer

import (
	"slices"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// closeCgroups makes the tmpfs read-only on which libcontainer mounts cgroup v1's
// hierarchies: it takes no notice of the mount's "ro". A recursive bind does it, so
// that this is for the engine: crun would make the hierarchies writable by the same
// path in config.json.
func closeCgroups(config *configs.Config) {
	if cgroups.IsCgroup2UnifiedMode() {
		return
	}
	for _, m := range config.Mounts {
		if m.Device == "cgroup" && m.Flags&unix.MS_RDONLY != 0 {
			config.ReadonlyPaths = append(config.ReadonlyPaths, m.Destination)
		}
	}
}

// denyTun takes /dev/net/tun out of the devices that libcontainer allows every
// container: it is none of the spec's default devices (config-linux.md, "Default
// Devices"), and a container that makes its node could build tunnels. A rule of the
// spec's own for it stays: libcontainer's stand behind those of the spec.
func denyTun(config *configs.Config, spec *specs.Spec) {
	own := 0
	if spec.Linux != nil && spec.Linux.Resources != nil {
		own = len(spec.Linux.Resources.Devices)
	}
	rules := config.Cgroups.Resources.Devices
	config.Cgroups.Resources.Devices = append(slices.Clone(rules[:own]),
		slices.DeleteFunc(slices.Clone(rules[own:]), isTun)...)
}

// isTun matches the node of drivers/net/tun.c: the character device 10:200.
func isTun(r *devices.Rule) bool {
	return r.Type == devices.CharDevice && r.Major == 10 && r.Minor == 200
}
