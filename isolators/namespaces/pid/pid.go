// Package pid is the namespaces/pid isolator: it gives a container a process tree of its own, its
// parent's, or the host's.
//
// Launch: Check and Prepare; the engine makes the namespace. In the kernel: a pid namespace that
// ends with the container's init. In the host's namespace, processes may outlive init, so the shim
// kills the container's control group. On disk, recovery: nothing. pid_namespaces(7). Mesos:
// isolators/namespaces/pid.
package pid

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "namespaces/pid" }

// Check refuses unknown modes.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	return isolators.CheckMode("namespaces.pid", config.Namespaces.PID)
}

// Prepare requests the namespace.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	mode := c.Config.Namespaces.PID
	if mode == isolators.Host {
		return nil, nil
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: isolators.Namespace(c, specs.PIDNamespace, "pid", mode, false)}},
		nil
}
