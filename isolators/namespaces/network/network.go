// Package network is the namespaces/network isolator: a network stack of the
// container's own, with only a loopback interface, or the host's.
//
// Launch: Check and Prepare; the engine makes the namespace and brings lo up. In
// the kernel: a network namespace that ends with the container. On disk,
// recovery: nothing: a process of the container's control group tells which
// namespace's interfaces Usage is to read. network_namespaces(7).
package network

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless. cgroupOf names a container's group.
func New(cgroupOf func(mctr.ContainerID) string, meter *usage.Meter) isolators.Isolator {
	return isolator{isolators.Grouped{CgroupOf: cgroupOf, Meter: meter}}
}

type isolator struct{ isolators.Grouped }

func (isolator) Name() string { return "namespaces/network" }

// Check refuses networks that are not there.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	switch config.Network {
	case "", "none", isolators.Host, isolators.Parent:
		return nil
	default:
		return fmt.Errorf("%w: --network %s: none, host, or parent (of a nested container)", mctr.ErrInvalid, config.Network)
	}
}

// Prepare asks for the namespace, or with the host's network for its files.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if c.Config.Network == "host" {
		return hostFiles(c), nil
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: isolators.Namespace(c, specs.NetworkNamespace, "net", c.Config.Network, true)}}, nil
}

// hostFiles are the host's names and resolvers, for an image that uses its network.
func hostFiles(c *mctr.Container) *mctr.Adjustment {
	if c.Image == nil {
		return nil // it has the host's filesystem
	}
	a := &mctr.Adjustment{}
	for _, file := range []string{"/etc/hosts", "/etc/resolv.conf"} {
		if isFile(file) {
			a.Spec.Mounts = append(a.Spec.Mounts, specs.Mount{
				Destination: file, Type: "bind", Source: file, Options: []string{"rbind", "ro", "rprivate"},
			})
		}
	}
	return a
}
