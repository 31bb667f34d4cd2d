// Package seccomp is the linux/seccomp isolator: it limits the system calls of a container. The
// default is docker's profile, adapted to the container's capabilities. A privileged container has
// no filter by default.
//
// Launch: Check and Prepare; the engine compiles and loads the filter before execve(2). On disk, in
// the kernel, recovery: nothing. Spec: runtime-spec config-linux.md, linux.seccomp; profiles in
// docker's format. Mesos: isolators/linux/seccomp.
package seccomp

import (
	"context"
	"fmt"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/kernel"
	"github.com/mctr/mctr/isolators"
)

// unconfined is the value for no filter.
const unconfined = "unconfined"

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "linux/seccomp" }

// Check refuses a profile that does not parse, and a kernel without seccomp filters.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	s := config.Security
	if s.Seccomp == unconfined || s.Privileged && s.Seccomp == "" {
		return nil
	}
	if !kernel.Seccomp() {
		return &mctr.UnsupportedError{
			Feature: "security.seccomp (the default profile, or your own)",
			Why:     "this kernel has no seccomp filters",
			Remedy:  "set security.seccomp=unconfined to run without a filter",
		}
	}
	_, err := profile(s)
	return err
}

// Prepare claims the filter.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	filter, err := profile(c.Config.Security)
	if err != nil || filter == nil {
		return nil, err
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Seccomp: filter}}}, nil
}

// profile returns the filter for these settings; nil for none.
func profile(s mctr.Security) (*specs.LinuxSeccomp, error) {
	if s.Seccomp == unconfined || s.Privileged && s.Seccomp == "" {
		return nil, nil
	}
	caps, err := s.Capabilities(kernel.BoundingCapabilities())
	if err != nil {
		return nil, err
	}
	// The profile allows some calls only with a capability.
	of := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
	if s.Seccomp == "" {
		return profiles.GetDefaultProfile(of)
	}
	filter, err := profiles.LoadProfile(s.Seccomp, of)
	if err != nil {
		return nil, fmt.Errorf("%w: security.seccomp: %w", mctr.ErrInvalid, err)
	}
	if filter == nil { // docker would run without a filter
		return nil, fmt.Errorf(
			"%w: security.seccomp: the profile has no defaultAction (unconfined means no filter)",
			mctr.ErrInvalid)
	}
	return filter, nil
}
