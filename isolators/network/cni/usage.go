package cni

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// Usage reads the interfaces of a network namespace that is the container's own:
// neither this process' nor the parent's.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	u.Networks = i.Meter.Network(h.Cgroup, func() (int, error) { return open(h) })
	return nil
}

// open opens the list of interfaces. The namespace is that of a process in the
// container's control group, so it is found after an agent's restart too. A
// process that ends meanwhile gives its pid back: its namespace is looked at again
// afterwards, so that another's figures are never taken for the container's.
func open(h mctr.Handle) (int, error) {
	pid := cgroup.Process(h.Cgroup)
	own := inode(fmt.Sprint(pid))
	if pid == 0 || own == "" || own == inode("self") {
		return -1, unix.ENOENT
	}
	if h.ParentCgroup != "" && own == inode(fmt.Sprint(cgroup.Process(h.ParentCgroup))) {
		return -1, unix.ENOENT
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/net/dev", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil && inode(fmt.Sprint(pid)) != own {
		return -1, errors.Join(unix.ESRCH, unix.Close(fd))
	}
	return fd, err
}

// inode names the network namespace of a process; "" when it is gone.
func inode(pid string) string {
	name, _ := os.Readlink("/proc/" + pid + "/ns/net")
	return name
}
