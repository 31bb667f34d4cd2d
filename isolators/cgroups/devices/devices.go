// Package devices is the cgroups/devices isolator: it decides which device nodes a container may
// open. Allowed are the nodes that the engine allows every container (null, zero, full, random,
// urandom, tty, ptmx and pts: OCI config-linux.md, "Default Devices") and the devices of the
// config. Making nodes is also allowed, because a node by itself opens nothing.
//
// Launch: Prepare. In the kernel: the group's device list on v1, an eBPF program on v2, which the
// engine makes and removes. On disk, recovery: nothing. Mesos: cgroups/devices, whose list belongs
// to the agent, not to the task.
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

// Prepare lists the rules: the first denies everything, the others allow devices.
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
		return nil, fmt.Errorf("%w: config.devices %s: the path has no device nodes", mctr.ErrInvalid, d.Source)
	}
	return rules, nil
}
