package containerizer

import (
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// Pids are the container's processes, as the host numbers them. The error wraps
// mctr.ErrState when it does not run.
func (c *Containerizer) Pids(id mctr.ContainerID) ([]int, error) {
	pids, err := cgroup.Pids(c.handle(id).Cgroup())
	if err == nil && len(pids) == 0 {
		err = fmt.Errorf("%w: container %s is not running", mctr.ErrState, id.Short())
	}
	return pids, err
}
