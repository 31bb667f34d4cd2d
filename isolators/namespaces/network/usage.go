package network

import (
	"context"
	"fmt"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
)

// Usage reads the interfaces of a network namespace that is the container's own:
// neither this process' nor the parent's. The namespace is that of a process in
// the container's control group, so it is found after an agent's restart too.
//
// A process that ends meanwhile gives its pid back: its namespace is looked at
// again afterwards, so that another's figures are never taken for the container's.
func (i isolator) Usage(_ context.Context, id mctr.ContainerID, u *mctr.Usage) error {
	pid := cgroup.Process(i.CgroupOf(id))
	own := namespace(fmt.Sprint(pid))
	if pid == 0 || own == "" || own == namespace("self") {
		return nil
	}
	if parent := id.Parent(); parent != "" && own == namespace(fmt.Sprint(cgroup.Process(i.CgroupOf(parent)))) {
		return nil
	}
	networks := usage.Network(pid)
	if namespace(fmt.Sprint(pid)) == own {
		u.Networks = networks
	}
	return nil
}

// namespace names the network namespace of a process; "" when it is gone.
func namespace(pid string) string {
	name, err := os.Readlink("/proc/" + pid + "/ns/net")
	if err != nil {
		return ""
	}
	return name
}
