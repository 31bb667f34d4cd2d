package libcontainer

import (
	"slices"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// closeCgroups makes the tmpfs read-only on which libcontainer mounts the hierarchies of cgroup v1,
// because libcontainer ignores the option "ro" of that mount. It does so with a recursive bind
// mount. That is left to this engine: with the same path in config.json, crun would make the
// hierarchies writable.
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

// denyTun removes the rule for /dev/net/tun from the device rules that libcontainer adds to every
// container. The specification does not list the device (config-linux.md, "Default Devices"), and a
// container that creates its node could build tunnels. A rule in the spec stays; libcontainer's
// rules come after the spec's.
func denyTun(config *configs.Config, spec *specs.Spec) {
	own := 0
	if spec.Linux != nil && spec.Linux.Resources != nil {
		own = len(spec.Linux.Resources.Devices)
	}
	rules := config.Cgroups.Resources.Devices
	config.Cgroups.Resources.Devices = append(slices.Clone(rules[:own]),
		slices.DeleteFunc(slices.Clone(rules[own:]), isTun)...)
}

// isTun matches the device of drivers/net/tun.c: character device 10:200.
func isTun(r *devices.Rule) bool {
	return r.Type == devices.CharDevice && r.Major == 10 && r.Minor == 200
}
