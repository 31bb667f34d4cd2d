package libcontainer

import (
	"slices"

	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
)

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
	config.Cgroups.Resources.Devices = append(slices.Clone(rules[:own]), slices.DeleteFunc(slices.Clone(rules[own:]), isTun)...)
}

// isTun matches the node of drivers/net/tun.c: the character device 10:200.
func isTun(r *devices.Rule) bool {
	return r.Type == devices.CharDevice && r.Major == 10 && r.Minor == 200
}
