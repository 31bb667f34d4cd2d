// Package nnp is the linux/nnp isolator: it disables setuid bits and file capabilities
// (no_new_privs, prctl(2)).
//
// Launch: Prepare; the engine sets the flag before execve(2). On disk, in the kernel, recovery:
// nothing. Mesos: isolators/linux/nnp, which always sets it.
package nnp

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "linux/nnp" }

// Prepare sets the flag if the config asks for it.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	return &mctr.Adjustment{
		Spec: specs.Spec{Process: &specs.Process{NoNewPrivileges: c.Config.Security.NoNewPrivileges}}}, nil
}
