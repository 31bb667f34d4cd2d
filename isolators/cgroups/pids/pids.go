// Package pids is the cgroups/pids isolator: it limits the processes and threads of a container,
// and reports their number.
//
// Launch: Check and Prepare. In the kernel: pids.max of the container's group, which the engine
// makes and removes. On disk, recovery: nothing. Spec: runtime-spec config-linux.md,
// linux.resources.pids. Mesos has no limit.
package pids

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
)

// Least is the smallest limit: the engine's init is a Go program, whose threads count until it
// executes the task. Most is the kernel's PID_MAX_LIMIT (include/linux/threads.h).
const (
	Least = 16
	Most  = 4 << 20
)

// New returns the isolator. meter reads usage.
func New(meter *usage.Meter) isolators.Isolator {
	return &isolator{isolators.CgroupBase{Meter: meter}}
}

type isolator struct{ isolators.CgroupBase }

func (*isolator) Name() string { return "cgroups/pids" }

// Check refuses a limit with which the container's init could not start.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	limit := config.Resources.Pids
	if limit == nil {
		return nil
	}
	if *limit != -1 && *limit < Least {
		return fmt.Errorf("%w: resources.pids %d: at least %d are needed for the container's init, which has threads "+
			"of its own (-1 is no limit)", mctr.ErrInvalid, *limit, Least)
	}
	if *limit > Most {
		return fmt.Errorf("%w: resources.pids %d: the kernel has %d at most (-1 is no limit)", mctr.ErrInvalid, *limit,
			Most)
	}
	if !cgroup.Has("pids", "pids.max") && !cgroup.Has("pids", "cgroup.procs") {
		return &mctr.UnsupportedError{Feature: "resources.pids", Why: "this host has no pids controller"}
	}
	return nil
}

// Prepare requests the limit.
func (*isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	limit := c.Config.Resources.Pids
	if limit == nil {
		return nil, nil
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{
		Pids: &specs.LinuxPids{Limit: limit},
	}}}}, nil
}

// Usage reads the number of processes and threads.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	i.Meter.Pids(h.Cgroup, u)
	return nil
}

// Update returns the new limits.
func (i *isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	return isolators.UpdateByPrepare(ctx, i, h, r)
}
