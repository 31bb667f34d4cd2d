// Package cpu is the cgroups/cpu isolator: it sets the weight and the quota of cpu time, and
// reports how much was used and throttled.
//
// Launch: Check and Prepare. In the kernel: cpu.* of the container's group, which the engine makes
// and removes. On disk, recovery: nothing. Spec: runtime-spec config-linux.md, linux.resources.cpu.
// Mesos: cgroups/cpu, without its rule of shares for each cpu, which is left to the scheduler.
package cpu

import (
	"cmp"
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. meter reads usage.
func New(meter *usage.Meter) isolators.Isolator {
	return &isolator{isolators.CgroupBase{Meter: meter}}
}

type isolator struct{ isolators.CgroupBase }

func (*isolator) Name() string { return "cgroups/cpu" }

// Check refuses values out of the kernel's range (kernel/sched/core.c).
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	c := config.Resources.CPU
	if c.Shares != nil && (*c.Shares < 2 || *c.Shares > 262144) {
		return fmt.Errorf("%w: resources.cpu.shares %d: want 2 to 262144", mctr.ErrInvalid, *c.Shares)
	}
	if c.Period != nil && (*c.Period < 1000 || *c.Period > 1000000) {
		return fmt.Errorf("%w: resources.cpu.period %d: want 1000 to 1000000 microseconds", mctr.ErrInvalid, *c.Period)
	}
	if c.Quota != nil && *c.Quota != -1 && *c.Quota < 1000 {
		return fmt.Errorf("%w: resources.cpu.quota %d: want at least 1000 microseconds of a period, or -1 for no quota",
			mctr.ErrInvalid, *c.Quota)
	}
	if c.Burst != nil && (c.Quota == nil || *c.Quota < 0 || *c.Burst > uint64(*c.Quota)) {
		return fmt.Errorf("%w: resources.cpu.burst %d: needs a resources.cpu.quota that is not smaller",
			mctr.ErrInvalid, *c.Burst)
	}
	check := isolators.CheckControlFile
	return cmp.Or(
		check("cpu", c.Shares != nil, "resources.cpu.shares", "cpu.shares", "cpu.weight"),
		check("cpu", c.Quota != nil || c.Period != nil, "resources.cpu.quota and resources.cpu.period",
			"cpu.cfs_quota_us", "cpu.max"),
		check("cpu", c.Burst != nil, "resources.cpu.burst", "cpu.cfs_burst_us", "cpu.max.burst"))
}

// Prepare requests the weight and the quota.
func (*isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	cpu := c.Config.Resources.CPU
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{
		CPU: &specs.LinuxCPU{Shares: cpu.Shares, Quota: cpu.Quota, Period: cpu.Period, Burst: cpu.Burst},
	}}}}, nil
}

// Usage reads the cpu times. On v1, user and system time have a resolution of 10 ms.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	i.Meter.CPU(h.Cgroup, u)
	return nil
}

// Update returns the new limits.
func (i *isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	return isolators.UpdateByPrepare(ctx, i, h, r)
}
