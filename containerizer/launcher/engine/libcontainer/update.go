package libcontainer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/cgroups"
	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"

	"github.com/mctr/mctr"
)

// Update changes the limits that r sets, and leaves the rest unchanged, including the device rules.
func (c *container) Update(r *specs.LinuxResources) error {
	config := c.c.Config()
	group, limits := *config.Cgroups, *config.Cgroups.Resources
	config.Cgroups, group.Resources = &group, &limits
	if err := applyLimits(&limits, r); err != nil {
		return err
	}
	limits.Freezer = cgroups.Undefined // or libcontainer would freeze a container that was resumed meanwhile
	limits.SkipDevices = true
	err := c.c.Set(config)
	limits.SkipDevices = false // or libcontainer would refuse to start further processes
	if errors.Is(err, lc.ErrNotRunning) {
		return fmt.Errorf("%w: %w", mctr.ErrState, err)
	}
	return err
}

// UpdateIntelRdt changes a resctrl group that the container already has.
func (c *container) UpdateIntelRdt(l3CacheSchema, memBwSchema string) error {
	config := c.c.Config()
	if config.IntelRdt == nil {
		return fmt.Errorf("%w: the container was created without intelRdt", mctr.ErrInvalid)
	}
	rdt, group, limits := *config.IntelRdt, *config.Cgroups, *config.Cgroups.Resources
	config.IntelRdt, config.Cgroups, group.Resources = &rdt, &group, &limits
	if l3CacheSchema != "" {
		rdt.L3CacheSchema = l3CacheSchema
	}
	if memBwSchema != "" {
		rdt.MemBwSchema = memBwSchema
	}
	limits.Freezer = cgroups.Undefined
	limits.SkipDevices = true
	defer func() { limits.SkipDevices = false }()
	return c.c.Set(config)
}

// applyLimits changes what limits sets, and leaves the rest unchanged.
func applyLimits(to *cgroups.Resources, limits *specs.LinuxResources) error {
	applyMemory(to, limits.Memory)
	applyCPU(to, limits.CPU)
	if limits.Pids != nil && limits.Pids.Limit != nil {
		to.PidsLimit = limits.Pids.Limit
	}
	if len(limits.Unified) > 0 {
		to.Unified = limits.Unified
	}
	for _, h := range limits.HugepageLimits {
		limit := &cgroups.HugepageLimit{Pagesize: h.Pagesize, Limit: h.Limit}
		to.HugetlbLimit = append(slices.Clip(to.HugetlbLimit), limit)
	}
	if limits.Network != nil || len(limits.Rdma) > 0 {
		return fmt.Errorf("%w: update: network and rdma cannot be changed after creation", mctr.ErrUnsupported)
	}
	applyBlockIO(to, limits.BlockIO)
	return nil
}

func applyMemory(to *cgroups.Resources, m *specs.LinuxMemory) {
	if m == nil {
		return
	}
	set(&to.Memory, m.Limit)
	set(&to.MemoryReservation, m.Reservation)
	set(&to.MemorySwap, m.Swap)
	set(&to.MemoryCheckBeforeUpdate, m.CheckBeforeUpdate)
	set(&to.OomKillDisable, m.DisableOOMKiller)
	if m.Swappiness != nil {
		to.MemorySwappiness = m.Swappiness
	}
	if m.Limit != nil && *m.Limit == -1 && m.Swap == nil {
		to.MemorySwap = 0 // unlimited memory implies unlimited swap, and the kernel requires swap >= memory
	}
	//lint:ignore SA1019 callers may still name what was taken out
	if m.Kernel != nil || m.KernelTCP != nil {
		logrus.Warn("kernel memory limits are ignored, because the kernel no longer has them")
	}
}

func applyCPU(to *cgroups.Resources, c *specs.LinuxCPU) {
	if c == nil {
		return
	}
	set(&to.CpuPeriod, c.Period)
	set(&to.CpuQuota, c.Quota)
	set(&to.CpuRtPeriod, c.RealtimePeriod)
	set(&to.CpuRtRuntime, c.RealtimeRuntime)
	to.CpuBurst, to.CPUIdle = c.Burst, c.Idle
	if c.Idle != nil && c.Shares == nil {
		to.CpuShares, to.CpuWeight = 0, 0 // the kernel refuses a weight together with idle
	}
	if c.Shares != nil {
		to.CpuShares, to.CpuWeight = *c.Shares, cgroups.ConvertCPUSharesToCgroupV2Value(*c.Shares)
	}
	if c.Cpus != "" {
		to.CpusetCpus = c.Cpus
	}
	if c.Mems != "" {
		to.CpusetMems = c.Mems
	}
}

func applyBlockIO(to *cgroups.Resources, b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	set(&to.BlkioWeight, b.Weight)
	set(&to.BlkioLeafWeight, b.LeafWeight)
	for _, d := range b.WeightDevice {
		var weight, leaf uint16
		set(&weight, d.Weight)
		set(&leaf, d.LeafWeight)
		// of several entries for a device, the last one counts
		to.BlkioWeightDevice = append(slices.Clip(to.BlkioWeightDevice),
			cgroups.NewWeightDevice(d.Major, d.Minor, weight, leaf))
	}
	throttle(&to.BlkioThrottleReadBpsDevice, b.ThrottleReadBpsDevice)
	throttle(&to.BlkioThrottleWriteBpsDevice, b.ThrottleWriteBpsDevice)
	throttle(&to.BlkioThrottleReadIOPSDevice, b.ThrottleReadIOPSDevice)
	throttle(&to.BlkioThrottleWriteIOPSDevice, b.ThrottleWriteIOPSDevice)
}

func throttle(to *[]*cgroups.ThrottleDevice, devices []specs.LinuxThrottleDevice) {
	for _, d := range devices { // of several entries for a device, the last one counts
		*to = append(slices.Clip(*to), cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
