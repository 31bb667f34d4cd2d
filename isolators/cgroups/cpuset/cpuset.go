// Package cpuset is the cgroups/cpuset isolator: it sets the cpus and memory nodes that a container
// may use.
//
// Launch: Check and Prepare. In the kernel: cpuset.* of the container's group, which the engine
// makes and removes. On disk, recovery: nothing. Spec: runtime-spec config-linux.md,
// linux.resources.cpu.cpus and .mems; cpuset(7) for the lists.
package cpuset

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "cgroups/cpuset" }

// Check refuses lists that do not parse, and cpus and nodes that this host lacks.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	c := config.Resources.CPU
	if err := check("resources.cpu.cpus", c.Cpus, "cpuset.cpus.effective", "cpuset.cpus"); err != nil {
		return err
	}
	return check("resources.cpu.mems", c.Mems, "cpuset.mems.effective", "cpuset.mems")
}

func check(field, list, v2, v1 string) error {
	if list == "" {
		return nil
	}
	asked, err := Parse(list)
	if err != nil {
		return fmt.Errorf("%w: %s %s: %w", mctr.ErrInvalid, field, list, err)
	}
	file := v1
	if cgroup.Unified() {
		file = v2
	}
	data, err := os.ReadFile(filepath.Join(cgroup.Dir("cpuset", ""), file))
	if err != nil {
		return &mctr.UnsupportedError{Feature: field, Why: "this kernel has no cpuset controller"}
	}
	have, err := Parse(strings.TrimSpace(string(data)))
	if err != nil {
		return fmt.Errorf("parse %s: %w", file, err)
	}
	for n := range asked {
		if !have[n] {
			return fmt.Errorf("%w: %s %s: %d does not exist: this host has %s", mctr.ErrInvalid, field, list, n,
				strings.TrimSpace(string(data)))
		}
	}
	return nil
}

// Parse reads a list of cpuset(7), such as "0-2,7". Numbers are below 65536, which exceeds NR_CPUS
// of any kernel.
func Parse(list string) (map[int]bool, error) {
	set := map[int]bool{}
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number of a cpu or node", first)
		}
		to, err := strconv.ParseUint(last, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number of a cpu or node", last)
		}
		if to < from {
			return nil, fmt.Errorf("%q is not a range", part)
		}
		for n := from; n <= to; n++ {
			set[int(n)] = true
		}
	}
	return set, nil
}

// Prepare requests the sets.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	cpu := c.Config.Resources.CPU
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{
		CPU: &specs.LinuxCPU{Cpus: cpu.Cpus, Mems: cpu.Mems},
	}}}}, nil
}

// Update returns the new limits.
func (i isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	return isolators.UpdateByPrepare(ctx, i, h, r)
}
