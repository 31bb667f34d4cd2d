// Package capabilities is the linux/capabilities isolator: it limits the privileges of root in a
// container. The default set is docker's. A process that is not root has the set as its bounding
// set only.
//
// Launch: Check and Prepare; the engine sets the capabilities before execve(2). On disk, in the
// kernel, recovery: nothing. Spec: runtime-spec config.md, process.capabilities; capabilities(7).
// Mesos: isolators/linux/capabilities.
package capabilities

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/kernel"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "linux/capabilities" }

// Check refuses unknown capabilities and those that mctr itself lacks.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	_, err := config.Security.Capabilities(kernel.BoundingCapabilities())
	return err
}

// Prepare claims the sets.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	caps, err := c.Config.Security.Capabilities(kernel.BoundingCapabilities())
	if err != nil {
		return nil, err
	}
	user, err := saferoot.LookupUser(c.Rootfs, c.User(), nil)
	if err != nil {
		return nil, err
	}
	sets := &specs.LinuxCapabilities{Bounding: caps}
	if user.UID == 0 {
		sets.Effective, sets.Permitted = caps, caps
	}
	return &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{Capabilities: sets}}}, nil
}
