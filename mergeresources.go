package mctr

import (
	"cmp"
	"slices"
)

// With returns r with everything that change sets: its pointers that are not nil, its strings that
// are not empty, and its rates for a device and kind.
func (r Resources) With(change Resources) Resources {
	r.CPU = r.CPU.with(change.CPU)
	r.Memory = r.Memory.with(change.Memory)
	r.Pids = cmp.Or(change.Pids, r.Pids)
	r.BlockIO = r.BlockIO.with(change.BlockIO)
	r.Disk = r.Disk.with(change.Disk)
	return r
}

func (c CPU) with(change CPU) CPU {
	return CPU{
		Shares: cmp.Or(change.Shares, c.Shares), Quota: cmp.Or(change.Quota, c.Quota),
		Period: cmp.Or(change.Period, c.Period),
		Burst:  cmp.Or(change.Burst, c.Burst), Cpus: cmp.Or(change.Cpus, c.Cpus), Mems: cmp.Or(change.Mems, c.Mems),
	}
}

func (m Memory) with(change Memory) Memory {
	return Memory{
		Limit: cmp.Or(change.Limit, m.Limit), Swap: cmp.Or(change.Swap, m.Swap),
		Reservation: cmp.Or(change.Reservation, m.Reservation),
		High:        cmp.Or(change.High, m.High), OOMScoreAdj: cmp.Or(change.OOMScoreAdj, m.OOMScoreAdj),
		DisableOOM: change.DisableOOM || m.DisableOOM, Swappiness: cmp.Or(change.Swappiness, m.Swappiness),
	}
}

func (d Disk) with(change Disk) Disk {
	return Disk{
		Rootfs: cmp.Or(change.Rootfs, d.Rootfs), RootfsInodes: cmp.Or(change.RootfsInodes, d.RootfsInodes),
		Sandbox: cmp.Or(change.Sandbox, d.Sandbox), SandboxInodes: cmp.Or(change.SandboxInodes, d.SandboxInodes),
		End: change.End || d.End,
	}
}

func (b BlockIO) with(change BlockIO) BlockIO {
	merged := BlockIO{Weight: cmp.Or(change.Weight, b.Weight), Throttles: slices.Clone(change.Throttles),
		Weights: slices.Clone(change.Weights)}
	for _, t := range b.Throttles {
		if !slices.ContainsFunc(change.Throttles, func(c IOThrottle) bool {
			return c.Device == t.Device && c.Kind == t.Kind
		}) {
			merged.Throttles = append(merged.Throttles, t)
		}
	}
	for _, w := range b.Weights {
		if !slices.ContainsFunc(change.Weights, func(c IODevWeight) bool { return c.Device == w.Device }) {
			merged.Weights = append(merged.Weights, w)
		}
	}
	return merged
}
