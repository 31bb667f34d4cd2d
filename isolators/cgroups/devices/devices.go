// Package devices is the cgroups/devices isolator: which device nodes a
// container may open. Everything is denied but what the engine allows every
// container (null, zero, full, random, urandom, tty, ptmx and pts: OCI
// config-linux.md, "Default Devices") and what a config's devices name; making
// nodes is allowed, since a node alone opens nothing.
//
// Launch: Prepare. In the kernel: the group's device list on v1, an eBPF program
// on v2, which the engine makes and removes. On disk, recovery: nothing.
// Mesos: cgroups/devices, whose list is the agent's and not the task's.
package devices

import (
	"cmp"
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "cgroups/devices" }

// Prepare lists the rules: first deny all, then what is allowed.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	rules := []specs.LinuxDeviceCgroup{{Allow: c.Config.Security.Privileged, Access: "rwm"}}
	if !c.Config.Security.Privileged {
		rules = append(rules,
			specs.LinuxDeviceCgroup{Allow: true, Type: "c", Access: "m"},
			specs.LinuxDeviceCgroup{Allow: true, Type: "b", Access: "m"})
		for _, d := range c.Config.Devices {
			own, err := allow(d)
			if err != nil {
				return nil, err
			}
			rules = append(rules, own...)
		}
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{Devices: rules}}}},
		nil
}

func allow(d mctr.Device) (rules []specs.LinuxDeviceCgroup, err error) {
	nodes, err := d.Nodes()
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		kind := "c"
		if n.Mode&unix.S_IFMT == unix.S_IFBLK {
			kind = "b"
		}
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: kind, Major: &n.Major, Minor: &n.Minor,
			Access: cmp.Or(d.Permissions, "rwm")})
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("%w: config.devices %s: no device nodes there", mctr.ErrInvalid, d.Source)
	}
	return rules, nil
}
