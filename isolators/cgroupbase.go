package isolators

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
)

// CgroupBase is Base for an isolator that reads control groups.
type CgroupBase struct {
	Base
	Meter *usage.Meter // reads the usage of groups; nil keeps nothing open
}

// Cleanup lets the meter go of the container's group.
func (g CgroupBase) Cleanup(_ context.Context, h mctr.Handle) error {
	g.Meter.Drop(h.Cgroup)
	return nil
}
