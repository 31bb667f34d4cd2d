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

// Usage reads the interfaces of a network namespace that belongs to the container alone: it is
// neither this process' namespace nor the parent's.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	u.Networks = i.Meter.Network(h.Cgroup, func() (int, error) { return open(h) })
	return nil
}

// open opens the list of interfaces. It finds the namespace through a process in the container's
// control group, which works after an agent's restart too. The process may exit and its pid be used
// again, so open compares the namespace again afterwards. It never returns the figures of another
// namespace.
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

// inode identifies the network namespace of a process; "" if the process has exited.
func inode(pid string) string {
	name, _ := os.Readlink("/proc/" + pid + "/ns/net")
	return name
}
