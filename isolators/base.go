package isolators

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// Base gives every verb but Name a body that does nothing. Embed it and write
// the verbs that are meant.
type Base struct{}

// Check refuses nothing.
func (Base) Check(context.Context, *mctr.ContainerConfig) error { return nil }

// Recover reports nothing.
func (Base) Recover(context.Context, []mctr.ContainerState, mctr.HandleOf) ([]mctr.Leftover, error) {
	return nil, nil
}

// Prepare wants nothing.
func (Base) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) { return nil, nil }

// Isolate does nothing.
func (Base) Isolate(context.Context, mctr.Handle, int) error { return nil }

// Watch watches nothing.
func (Base) Watch(context.Context, mctr.Handle, func(mctr.Limitation)) error { return nil }

// Update changes nothing.
func (Base) Update(context.Context, mctr.Handle, *mctr.Resources) (*specs.LinuxResources, error) {
	return nil, nil
}

// Usage knows nothing.
func (Base) Usage(context.Context, mctr.Handle, *mctr.Usage) error { return nil }

// Status knows nothing.
func (Base) Status(context.Context, mctr.Handle, *mctr.Status) error { return nil }

// Cleanup releases nothing.
func (Base) Cleanup(context.Context, mctr.Handle) error { return nil }
