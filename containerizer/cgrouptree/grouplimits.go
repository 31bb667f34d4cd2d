package cgrouptree

import (
	"fmt"
	"path/filepath"
	"reflect"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// Limit makes the control group of a root container and all that is nested in it, with these limits.
// The group holds no process.
func (t *Tree) Limit(root mctr.ContainerID, limits mctr.Resources) error {
	if reflect.DeepEqual(limits, mctr.Resources{}) {
		return nil
	}
	resources := resourcesOf(limits)
	m, err := managerOf(t.Store.Container(root).RootCgroup(), resources)
	if err == nil {
		err = m.Apply(-1)
	}
	if err == nil {
		err = m.Set(resources)
	}
	if err != nil {
		return fmt.Errorf("limit group %s: %w", t.Store.Container(root).RootCgroup(), err)
	}
	return nil
}

// managerOf returns the manager of opencontainers/cgroups. It avoids the package with the driver for
// systemd, whose initialisation would slow down every start of the command line.
func managerOf(group string, r *cgroups.Resources) (cgroups.Manager, error) {
	config := &cgroups.Cgroup{Path: "/" + group, Resources: r}
	if cgroup.Unified() {
		return fs2.NewManager(config, filepath.Join(cgroup.Mountpoint, group))
	}
	return fs.NewManager(config, nil)
}

func resourcesOf(r mctr.Resources) *cgroups.Resources {
	g := &cgroups.Resources{
		SkipDevices: true,
		CpuBurst:    r.CPU.Burst, CpusetCpus: r.CPU.Cpus, CpusetMems: r.CPU.Mems,
		PidsLimit: r.Pids,
	}
	set(&g.CpuShares, r.CPU.Shares)
	set(&g.CpuQuota, r.CPU.Quota)
	set(&g.CpuPeriod, r.CPU.Period)
	set(&g.Memory, r.Memory.Limit)
	set(&g.MemorySwap, r.Memory.Swap)
	set(&g.MemoryReservation, r.Memory.Reservation)
	g.CpuWeight = cgroups.ConvertCPUSharesToCgroupV2Value(g.CpuShares)
	if high := r.Memory.High; high != nil {
		g.Unified = map[string]string{"memory.high": unlimitedAsMax(*high)}
	}
	return g
}

func unlimitedAsMax(bytes int64) string {
	if bytes < 0 {
		return "max"
	}
	return fmt.Sprint(bytes)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
