package cgrouptree

import (
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
)

// Usage is what the kernel counts in the control group above a root and all that is nested
// in it, those that have ended included.
func (t *Tree) Usage(root mctr.ContainerID) *mctr.Usage {
	sum, group := &mctr.Usage{}, t.Store.Container(root).RootCgroup()
	var uncached *usage.Meter // keeps nothing open
	uncached.CPU(group, sum)
	uncached.Memory(group, sum)
	uncached.Pids(group, sum)
	uncached.IO(group, sum)
	return sum
}

// AddMember adds what a control group does not tell of those below it: throttling, networks
// and, on cgroup v1, OOM kills.
func AddMember(sum, u *mctr.Usage) {
	sum.Throttled += u.Throttled
	sum.ThrottledNanos += u.ThrottledNanos
	if !cgroup.Unified() {
		sum.OOMKills += u.OOMKills
	}
	for _, n := range u.Networks {
		i := slices.IndexFunc(sum.Networks, func(s mctr.NetworkUsage) bool { return s.Name == n.Name })
		if i < 0 {
			sum.Networks = append(sum.Networks, n)
			continue
		}
		addNetwork(&sum.Networks[i], n)
	}
}

func addNetwork(sum *mctr.NetworkUsage, n mctr.NetworkUsage) {
	sum.RxBytes, sum.TxBytes = sum.RxBytes+n.RxBytes, sum.TxBytes+n.TxBytes
	sum.RxPackets, sum.TxPackets = sum.RxPackets+n.RxPackets, sum.TxPackets+n.TxPackets
	sum.RxErrors, sum.TxErrors = sum.RxErrors+n.RxErrors, sum.TxErrors+n.TxErrors
	sum.RxDropped, sum.TxDropped = sum.RxDropped+n.RxDropped, sum.TxDropped+n.TxDropped
}
