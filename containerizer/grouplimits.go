package containerizer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
)

// UpdateGroup changes the limits of a running root container and all that is
// nested in it, together; what change does not set stays. A memory limit below
// what they use is refused (mctr.ErrState). An update that fails leaves the old
// limits; Recover repeats one that was cut off.
func (c *Containerizer) UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error {
	lock, err := c.handle(root).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	r, err := c.updatable(root, change)
	if err != nil {
		return err
	}
	old := r.Config.GroupResources
	r.Config.GroupResources = old.With(change)
	if err := c.checkGroupLimits(ctx, r); err != nil {
		return err
	}
	if err := c.roomForGroup(ctx, r); err != nil {
		return err
	}
	if err := c.handle(root).SetRecord(r); err != nil { // the intent
		return err
	}
	if err := c.limitGroup(root, r.Config.GroupResources); err != nil {
		r.Config.GroupResources = old
		return errors.Join(err, c.limitGroup(root, old), c.handle(root).SetRecord(r))
	}
	c.store.Emit(r, mctr.EventUpdate, map[string]string{"group": "true"})
	return nil
}

// checkGroupLimits refuses what a group cannot have, and has every isolator refuse
// what cannot be meant or honoured.
func (c *Containerizer) checkGroupLimits(ctx context.Context, r *store.Record) error {
	g := r.Config.GroupResources
	if reflect.DeepEqual(g, mctr.Resources{}) {
		return nil
	}
	m := g.Memory
	switch {
	case r.ID.Parent() != "":
		return fmt.Errorf("%w: limits of a group: container %s is nested: they are its root's", mctr.ErrInvalid, r.ID)
	case !reflect.DeepEqual(g.BlockIO, mctr.BlockIO{}), m.DisableOOM, m.OOMScoreAdj != nil, m.Swappiness != nil:
		return fmt.Errorf(
			"%w: limits of a group: cpu, memory and pids; disks and the OOM killer are each container's own",
			mctr.ErrInvalid)
	}
	if err := c.checkResources(ctx, r.Config, g); err != nil {
		return fmt.Errorf("limits of a group: %w", err)
	}
	return nil
}

// roomForGroup refuses a memory limit that the kernel would kill for.
func (c *Containerizer) roomForGroup(ctx context.Context, r *store.Record) error {
	limit := r.Config.GroupResources.Memory.Limit
	if limit == nil || *limit < 0 {
		return nil
	}
	u, err := c.GroupUsage(ctx, r.ID)
	if err == nil && u.MemoryBytes > uint64(*limit) {
		err = fmt.Errorf("%w: group_resources.memory.limit %d: group %s uses %d bytes (without file cache)",
			mctr.ErrState, *limit, r.ID.Short(), u.MemoryBytes)
	}
	return err
}

// limitGroup makes the control group above a root and all that is nested in it,
// with these limits. It holds no process; release removes it.
func (c *Containerizer) limitGroup(root mctr.ContainerID, limits mctr.Resources) error {
	if reflect.DeepEqual(limits, mctr.Resources{}) {
		return nil
	}
	resources := groupResources(limits)
	m, err := groupManager(c.handle(root).RootCgroup(), resources)
	if err == nil {
		err = m.Apply(-1)
	}
	if err == nil {
		err = m.Set(resources)
	}
	if err != nil {
		return fmt.Errorf("limit group %s: %w", c.handle(root).RootCgroup(), err)
	}
	return nil
}

// groupManager is opencontainers' without its driver for systemd, which would cost
// every start of the command line.
func groupManager(group string, r *cgroups.Resources) (cgroups.Manager, error) {
	config := &cgroups.Cgroup{Path: "/" + group, Resources: r}
	if cgroup.Unified() {
		return fs2.NewManager(config, filepath.Join(cgroup.Mountpoint, group))
	}
	return fs.NewManager(config, nil)
}

func groupResources(r mctr.Resources) *cgroups.Resources {
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
