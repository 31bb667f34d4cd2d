// Package memory is the cgroups/memory isolator: it limits memory and swap, decides how the kernel
// treats a container when memory is short, and reports how much the container uses.
//
// Launch: Check and Prepare. In the kernel: memory.* of the container's group, which the engine
// makes and removes, and the task's oom_score_adj. On disk, recovery: nothing. The shim reads the
// evidence of an OOM kill at the exit. Spec: runtime-spec config-linux.md, linux.resources.memory.
// Mesos: cgroups/mem, without its minimum of 32 MB.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/internal/kernel"
	"github.com/mctr/mctr/isolators"
)

// Least is the smallest limit in bytes, which is docker's minimum too. Below it the kernel would
// kill the engine's init instead of the task.
const Least = 6 << 20

// New returns the isolator. meter reads usage.
func New(meter *usage.Meter) isolators.Isolator {
	return &isolator{isolators.CgroupBase{Meter: meter}}
}

type isolator struct{ isolators.CgroupBase }

func (*isolator) Name() string { return "cgroups/memory" }

// Check refuses sizes that contradict each other, and settings that this kernel lacks.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	m := config.Resources.Memory
	if err := checkSizes(m); err != nil {
		return err
	}
	if m.Swappiness != nil && (*m.Swappiness < 0 || *m.Swappiness > 100) {
		return fmt.Errorf("%w: resources.memory.swappiness %d: want 0 to 100", mctr.ErrInvalid, *m.Swappiness)
	}
	if err := checkScore(m.OOMScoreAdj); err != nil {
		return err
	}
	check := func(asked bool, field, v1, v2 string) error {
		return isolators.CheckControlFile("memory", asked, field, v1, v2)
	}
	return cmp.Or(
		check(m.Limit != nil, "resources.memory.limit", "memory.limit_in_bytes", "memory.max"),
		check(m.Swap != nil, "resources.memory.swap", "memory.memsw.limit_in_bytes", "memory.swap.max"),
		check(m.Reservation != nil, "resources.memory.reservation", "memory.soft_limit_in_bytes", "memory.low"),
		check(m.High != nil, "resources.memory.high", "", "memory.high"),
		check(m.DisableOOM, "resources.memory.disable_oom", "memory.oom_control", ""),
		check(m.Swappiness != nil, "resources.memory.swappiness", "memory.swappiness", ""))
}

func checkSizes(m mctr.Memory) error {
	for _, size := range []struct {
		field string
		value *int64
	}{{"resources.memory.limit", m.Limit}, {"resources.memory.high", m.High}} {
		if size.value != nil && *size.value != -1 && *size.value < Least {
			return fmt.Errorf(
				"%w: %s %d: at least %d bytes (6m) are needed, or the kernel kills the container's init, not the task",
				mctr.ErrInvalid, size.field, *size.value, Least)
		}
	}
	limit := value(m.Limit)
	if m.Swap != nil && *m.Swap != -1 && (limit <= 0 || *m.Swap < limit) {
		return fmt.Errorf("%w: resources.memory.swap %d: it is memory and swap together, so it needs "+
			"resources.memory.limit and cannot be less", mctr.ErrInvalid, *m.Swap)
	}
	if m.Reservation != nil && (*m.Reservation < -1 || limit > 0 && *m.Reservation > limit) {
		return fmt.Errorf("%w: resources.memory.reservation %d: more than resources.memory.limit %d", mctr.ErrInvalid,
			*m.Reservation, limit)
	}
	return nil
}

// checkScore refuses an oom_score_adj that the kernel would refuse. Without CAP_SYS_RESOURCE a
// process cannot lower the score below the lowest value that it was ever given (proc(5)).
func checkScore(score *int) error {
	if score == nil {
		return nil
	}
	if *score < -1000 || *score > 1000 {
		return fmt.Errorf("%w: resources.memory.oom_score_adj %d: want -1000 to 1000", mctr.ErrInvalid, *score)
	}
	if *score < ownScore() && !kernel.HasCapability(unix.CAP_SYS_RESOURCE) {
		return &mctr.UnsupportedError{
			Feature: fmt.Sprintf("resources.memory.oom_score_adj %d", *score),
			Why: fmt.Sprintf(
				"it lowers the score below mctr's own %d, which needs CAP_SYS_RESOURCE, and mctr runs without it",
				ownScore()),
		}
	}
	return nil
}

func ownScore() int {
	data, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// Prepare requests the limits. As with docker, a memory limit alone allows the same amount of swap
// in addition. The task never gets the supervisor's oom_score_adj.
func (*isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	m := c.Config.Resources.Memory
	memory := &specs.LinuxMemory{Limit: m.Limit, Swap: swap(m), Reservation: m.Reservation}
	resources := &specs.LinuxResources{Memory: memory}
	if m.DisableOOM {
		memory.DisableOOMKiller = &m.DisableOOM
	}
	if m.Swappiness != nil {
		memory.Swappiness = new(uint64(*m.Swappiness))
	}
	if m.High != nil {
		high := strconv.FormatInt(*m.High, 10)
		if *m.High == -1 {
			high = "max"
		}
		resources.Unified = map[string]string{"memory.high": high}
	}
	process := &specs.Process{OOMScoreAdj: m.OOMScoreAdj}
	if m.OOMScoreAdj == nil && ownScore() < 0 {
		// A task must not inherit the protection of its agent: the host needs the memory more.
		process.OOMScoreAdj = new(int)
	}
	return &mctr.Adjustment{Spec: specs.Spec{Process: process, Linux: &specs.Linux{Resources: resources}}}, nil
}

// swap returns the requested limit of memory and swap, or twice the memory limit if the host
// accounts swap.
func swap(m mctr.Memory) *int64 {
	limit, file := value(m.Limit), "memory.memsw.limit_in_bytes"
	if cgroup.Unified() {
		file = "memory.swap.max"
	}
	if m.Swap != nil || limit <= 0 || limit > math.MaxInt64/2 || !cgroup.Has("memory", file) {
		return m.Swap
	}
	return new(2 * limit)
}

// Usage reads the memory in use. As with docker, it excludes the inactive file cache.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	i.Meter.Memory(h.Cgroup, u)
	return nil
}

// Update returns the new limits. It refuses a limit below the memory in use, because the kernel
// would kill the container (v2), or refuse the limit without a reason (v1).
func (i *isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	u := &mctr.Usage{}
	if err := i.Usage(ctx, h, u); err != nil {
		return nil, err
	}
	if limit := value(r.Memory.Limit); limit > 0 && uint64(limit) < u.MemoryBytes {
		return nil, fmt.Errorf("%w: resources.memory.limit %d: %d bytes are in use (without file cache)", mctr.ErrState,
			limit, u.MemoryBytes)
	}
	return isolators.UpdateByPrepare(ctx, i, h, r)
}
