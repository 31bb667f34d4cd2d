package isolators

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
)

// Base implements every verb except Name with a body that does nothing. An isolator embeds Base and
// implements the verbs that it needs.
type Base struct{}

// Check accepts every config.
func (Base) Check(context.Context, *mctr.ContainerConfig) error { return nil }

// Recover reports no leftovers.
func (Base) Recover(context.Context, []mctr.ContainerState, mctr.HandleOf) ([]mctr.Leftover, error) {
	return nil, nil
}

// Prepare returns no adjustment.
func (Base) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) { return nil, nil }

// Isolate does nothing.
func (Base) Isolate(context.Context, mctr.Handle, int) error { return nil }

// Watch watches nothing.
func (Base) Watch(context.Context, mctr.Handle, func(mctr.Limitation)) error { return nil }

// Update changes nothing.
func (Base) Update(context.Context, mctr.Handle, *mctr.Resources) (*specs.LinuxResources, error) {
	return nil, nil
}

// Usage sets no field.
func (Base) Usage(context.Context, mctr.Handle, *mctr.Usage) error { return nil }

// Status sets no field.
func (Base) Status(context.Context, mctr.Handle, *mctr.Status) error { return nil }

// Cleanup releases nothing.
func (Base) Cleanup(context.Context, mctr.Handle) error { return nil }

// CgroupBase is Base for an isolator that reads control groups.
type CgroupBase struct {
	Base
	Meter *usage.Meter // reads the usage of groups; a nil Meter keeps no files open
}

// Cleanup closes the files of the container's group.
func (g CgroupBase) Cleanup(_ context.Context, h mctr.Handle) error {
	g.Meter.Drop(h.Cgroup)
	return nil
}

// UpdateByPrepare returns the resources that i's Prepare returns for a container with the resources
// r. It is the Update of an isolator whose Prepare depends on nothing else and acquires nothing.
func UpdateByPrepare(ctx context.Context, i Isolator, h mctr.Handle,
	r *mctr.Resources) (*specs.LinuxResources, error) {
	a, err := i.Prepare(ctx, &mctr.Container{Handle: h, Config: &mctr.ContainerConfig{Resources: *r}})
	if err != nil || a == nil || a.Spec.Linux == nil {
		return nil, err
	}
	return a.Spec.Linux.Resources, nil
}
