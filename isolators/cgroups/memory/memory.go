// Package memory is the cgroups/memory isolator: how much memory and swap a
// container may have, how the kernel treats it when memory is short, and how
// much it uses.
//
// Launch: Check and Prepare. In the kernel: memory.* of the container's group,
// which the engine makes and removes, and the task's oom_score_adj. On disk,
// recovery: nothing. The shim reads the evidence of an OOM kill at the end.
// Spec: runtime-spec config-linux.md, linux.resources.memory. Mesos: cgroups/mem,
// without its minimum of 32 MB.
package memory

import (
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

// Least is the smallest limit in bytes: below it the kernel would kill the
// engine's init and not the task. It is docker's minimum too.
const Least = 6 << 20

// New returns the isolator. meter reads usage.
func New(meter *usage.Meter) isolators.Isolator {
	return &isolator{isolators.CgroupBase{Meter: meter}}
}

type isolator struct{ isolators.CgroupBase }

func (*isolator) Name() string { return "cgroups/memory" }

// Check refuses sizes that contradict each other and what this kernel has not.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	m := config.Resources.Memory
	if err := checkSizes(m); err != nil {
		return err
	}
	if m.Swappiness != nil && (*m.Swappiness < 0 || *m.Swappiness > 100) {
		return invalid("resources.memory.swappiness %d: not 0 to 100", *m.Swappiness)
	}
	if err := checkScore(m.OOMScoreAdj); err != nil {
		return err
	}
	return supported(m)
}

func checkSizes(m mctr.Memory) error {
	for _, size := range []struct {
		field string
		value *int64
	}{{"resources.memory.limit", m.Limit}, {"resources.memory.high", m.High}} {
		if size.value != nil && *size.value != -1 && *size.value < Least {
			return invalid(
				"%s %d: at least %d bytes (6m) are needed, or the container's init is killed and not the task",
				size.field, *size.value, Least)
		}
	}
	limit := value(m.Limit)
	if m.Swap != nil && *m.Swap != -1 && (limit <= 0 || *m.Swap < limit) {
		return invalid("resources.memory.swap %d: it is memory and swap together, so it needs resources.memory.limit "+
			"and cannot be less",
			*m.Swap)
	}
	if m.Reservation != nil && (*m.Reservation < -1 || limit > 0 && *m.Reservation > limit) {
		return invalid("resources.memory.reservation %d: more than resources.memory.limit %d", *m.Reservation, limit)
	}
	return nil
}

// checkScore refuses to lower oom_score_adj where the kernel will: below the
// least that this process was ever given, without CAP_SYS_RESOURCE (proc(5)).
func checkScore(score *int) error {
	if score == nil {
		return nil
	}
	if *score < -1000 || *score > 1000 {
		return invalid("resources.memory.oom_score_adj %d: not -1000 to 1000", *score)
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

func supported(m mctr.Memory) error {
	v2 := cgroup.Unified()
	for _, need := range []struct {
		asked  bool
		field  string
		v1, v2 string
	}{
		{m.Limit != nil, "resources.memory.limit", "memory.limit_in_bytes", "memory.max"},
		{m.Swap != nil, "resources.memory.swap", "memory.memsw.limit_in_bytes", "memory.swap.max"},
		{m.Reservation != nil, "resources.memory.reservation", "memory.soft_limit_in_bytes", "memory.low"},
		{m.High != nil, "resources.memory.high", "", "memory.high"},
		{m.DisableOOM, "resources.memory.disable_oom", "memory.oom_control", ""},
		{m.Swappiness != nil, "resources.memory.swappiness", "memory.swappiness", ""},
	} {
		file, version := need.v1, "v1"
		if v2 {
			file, version = need.v2, "v2"
		}
		switch {
		case !need.asked:
		case file == "":
			return &mctr.UnsupportedError{Feature: need.field, Why: "cgroup " + version + " has no such setting"}
		case !cgroup.Has("memory", file):
			return &mctr.UnsupportedError{Feature: need.field, Why: "this kernel's cgroups have no " + file}
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{mctr.ErrInvalid}, args...)...)
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// Prepare asks for the limits. As with docker, a memory limit alone allows as
// much swap again. The supervisor's oom_score_adj is never the task's.
func (*isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	m := c.Config.Resources.Memory
	memory := &specs.LinuxMemory{Limit: m.Limit, Swap: swap(m), Reservation: m.Reservation}
	resources := &specs.LinuxResources{Memory: memory}
	if m.DisableOOM {
		memory.DisableOOMKiller = &m.DisableOOM
	}
	if m.Swappiness != nil {
		swappiness := uint64(*m.Swappiness)
		memory.Swappiness = &swappiness
	}
	if m.High != nil {
		resources.Unified = map[string]string{"memory.high": high(*m.High)}
	}
	return &mctr.Adjustment{Spec: specs.Spec{
		Process: &specs.Process{OOMScoreAdj: score(m.OOMScoreAdj)},
		Linux:   &specs.Linux{Resources: resources},
	}}, nil
}

// swap is what was asked for, or twice the limit where swap is accounted.
func swap(m mctr.Memory) *int64 {
	limit, file := value(m.Limit), "memory.memsw.limit_in_bytes"
	if cgroup.Unified() {
		file = "memory.swap.max"
	}
	if m.Swap != nil || limit <= 0 || limit > math.MaxInt64/2 || !cgroup.Has("memory", file) {
		return m.Swap
	}
	twice := 2 * limit
	return &twice
}

func high(bytes int64) string {
	if bytes == -1 {
		return "max"
	}
	return strconv.FormatInt(bytes, 10)
}

// score is what was asked for, or 0 where that protects the host from tasks
// that inherit their agent's protection.
func score(asked *int) *int {
	if asked == nil && ownScore() < 0 {
		return new(int)
	}
	return asked
}

// Usage reads what is used now: without the inactive file cache, as docker does.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	i.Meter.Memory(h.Cgroup, u)
	return nil
}
