package isolators

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
)

// CgroupBase is Base for an isolator that reads control groups.
type CgroupBase struct {
	Base
	CgroupOf func(mctr.ContainerID) string // names a container's group
	Meter    *usage.Meter                  // reads its usage; nil keeps nothing open
}

// Cleanup lets the meter go of the container's group.
func (g CgroupBase) Cleanup(_ context.Context, id mctr.ContainerID) error {
	g.Meter.Drop(g.CgroupOf(id))
	return nil
}
