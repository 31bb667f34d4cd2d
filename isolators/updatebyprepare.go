package isolators

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// UpdateByPrepare is what i would declare for a container with these resources: the
// Update of an isolator whose Prepare depends on nothing else and acquires nothing.
func UpdateByPrepare(ctx context.Context, i Isolator, h mctr.Handle,
	r *mctr.Resources) (*specs.LinuxResources, error) {
	a, err := i.Prepare(ctx, &mctr.Container{Handle: h, Config: &mctr.ContainerConfig{Resources: *r}})
	if err != nil || a == nil || a.Spec.Linux == nil {
		return nil, err
	}
	return a.Spec.Linux.Resources, nil
}
