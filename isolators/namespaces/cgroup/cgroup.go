// Package cgroup is the namespaces/cgroup isolator: it decides whether a container sees its own
// control group as the root of the tree. As with docker, the default is a namespace of its own on
// cgroup v2, also for a privileged container, and the host's namespace on v1.
//
// Launch: Check and Prepare; the engine makes the namespace. In the kernel: a cgroup namespace that
// ends with the container. On disk, recovery: nothing. cgroup_namespaces(7). Mesos has no such
// isolator.
package cgroup

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "namespaces/cgroup" }

// Check refuses unknown modes.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	switch ns := config.Namespaces.Cgroup; ns {
	case "", "host", "private":
		return nil
	default:
		return fmt.Errorf("%w: namespaces.cgroup %s: private or host", mctr.ErrInvalid, ns)
	}
}

// Prepare requests the namespace.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	ns := c.Config.Namespaces.Cgroup
	if ns == "host" || ns == "" && !cgroup.Unified() {
		return nil, nil
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{
		Namespaces: []specs.LinuxNamespace{{Type: specs.CgroupNamespace}},
	}}}, nil
}
