package isolators

import "github.com/mctr/mctr"

// Grouped is Base for an isolator that reads control groups: CgroupOf names a
// container's.
type Grouped struct {
	Base
	CgroupOf func(mctr.ContainerID) string
}
