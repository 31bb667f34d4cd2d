package libcontainer

import (
	"github.com/opencontainers/cgroups"
	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/intelrdt"
	"github.com/opencontainers/runc/types"
)

// Stats returns the container's resource usage.
func (c *container) Stats() (*types.Stats, error) {
	s, err := c.c.Stats()
	if err != nil {
		return nil, err
	}
	return statsOf(s), nil
}

// NotifyOOM watches the container's memory controller.
func (c *container) NotifyOOM() (<-chan struct{}, error) { return c.c.NotifyOOM() }

// statsOf converts libcontainer's statistics to those that runc prints.
func statsOf(s *lc.Stats) *types.Stats {
	out := &types.Stats{NetworkInterfaces: s.Interfaces, Hugetlb: map[string]types.Hugetlb{}}
	if c := s.CgroupStats; c != nil {
		out.CPU, out.Memory, out.Blkio = processor(c.CpuStats), memory(c.MemoryStats), disks(c.BlkioStats)
		out.CPUSet = types.CPUSet(c.CPUSetStats)
		out.Pids = types.Pids{Current: c.PidsStats.Current, Limit: c.PidsStats.Limit}
		for size, h := range c.HugetlbStats {
			out.Hugetlb[size] = types.Hugetlb{Usage: h.Usage, Max: h.MaxUsage, Failcnt: h.Failcnt}
		}
	}
	if s.IntelRdtStats != nil {
		out.IntelRdt = resctrl(s.IntelRdtStats)
	}
	return out
}

func processor(c cgroups.CpuStats) types.Cpu {
	return types.Cpu{
		Usage: types.CpuUsage{
			Total: c.CpuUsage.TotalUsage, Percpu: c.CpuUsage.PercpuUsage,
			PercpuKernel: c.CpuUsage.PercpuUsageInKernelmode,
			PercpuUser:   c.CpuUsage.PercpuUsageInUsermode, Kernel: c.CpuUsage.UsageInKernelmode,
			User: c.CpuUsage.UsageInUsermode,
		},
		Throttling: types.Throttling{
			Periods: c.ThrottlingData.Periods, ThrottledPeriods: c.ThrottlingData.ThrottledPeriods,
			ThrottledTime: c.ThrottlingData.ThrottledTime,
		},
		PSI: c.PSI,
	}
}

func memory(m cgroups.MemoryStats) types.Memory {
	entry := func(d cgroups.MemoryData) types.MemoryEntry {
		return types.MemoryEntry{Limit: d.Limit, Usage: d.Usage, Max: d.MaxUsage, Failcnt: d.Failcnt}
	}
	return types.Memory{
		Cache: m.Cache, Usage: entry(m.Usage), Swap: entry(m.SwapUsage), Kernel: entry(m.KernelUsage),
		KernelTCP: entry(m.KernelTCPUsage), Raw: m.Stats, PSI: m.PSI,
	}
}

func disks(b cgroups.BlkioStats) types.Blkio {
	entries := func(list []cgroups.BlkioStatEntry) (out []types.BlkioEntry) {
		for _, e := range list {
			out = append(out, types.BlkioEntry(e))
		}
		return out
	}
	return types.Blkio{
		IoServiceBytesRecursive: entries(b.IoServiceBytesRecursive),
		IoServicedRecursive:     entries(b.IoServicedRecursive),
		IoQueuedRecursive:       entries(b.IoQueuedRecursive),
		IoServiceTimeRecursive:  entries(b.IoServiceTimeRecursive),
		IoWaitTimeRecursive:     entries(b.IoWaitTimeRecursive), IoMergedRecursive: entries(b.IoMergedRecursive),
		IoTimeRecursive: entries(b.IoTimeRecursive), SectorsRecursive: entries(b.SectorsRecursive), PSI: b.PSI,
	}
}

// resctrl converts the statistics of the resctrl resources that this host has.
func resctrl(s *intelrdt.Stats) types.IntelRdt {
	out := types.IntelRdt{
		L3CacheSchemaRoot: s.L3CacheSchemaRoot, L3CacheSchema: s.L3CacheSchema,
		MemBwSchemaRoot: s.MemBwSchemaRoot, MemBwSchema: s.MemBwSchema, Schemata: s.Schemata,
		MBMStats: s.MBMStats, CMTStats: s.CMTStats,
	}
	if s.L3CacheInfo != nil {
		info := types.L3CacheInfo(*s.L3CacheInfo)
		out.L3CacheInfo = &info
	}
	if s.MemBwInfo != nil {
		info := types.MemBwInfo(*s.MemBwInfo)
		out.MemBwInfo = &info
	}
	return out
}
