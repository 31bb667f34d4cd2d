// Package ipc is the namespaces/ipc isolator: System V IPC, POSIX message queues
// and /dev/shm of the container's own, or the host's.
//
// Launch: Check and Prepare; the engine makes the namespace and the mounts. In
// the kernel: an ipc namespace and a tmpfs that end with the container. On disk,
// recovery: nothing. ipc_namespaces(7). Mesos: isolators/namespaces/ipc.
package ipc

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// defaultShm is docker's size of /dev/shm in bytes.
const defaultShm = 64 << 20

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "namespaces/ipc" }

// Check refuses other namespaces than a private one and the host's, and a size
// for the host's /dev/shm.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	if ns := config.Namespaces.IPC; ns != "" && ns != "host" {
		return fmt.Errorf("%w: --ipc %s: only host, or nothing for a private one", mctr.ErrInvalid, ns)
	}
	if config.ShmSize < 0 || config.ShmSize > 0 && config.Namespaces.IPC == "host" {
		return fmt.Errorf("%w: --shm-size %d: it must be positive, and the host's /dev/shm (--ipc host) keeps its size", mctr.ErrInvalid, config.ShmSize)
	}
	return nil
}

// Prepare asks for the namespace, and for what is mounted from it. /dev/mqueue
// shows the queues of whatever namespace it is mounted in.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if c.Config.Namespaces.IPC == "host" {
		return &mctr.Adjustment{Spec: specs.Spec{Mounts: []specs.Mount{hostShm, mqueue}}}, nil
	}
	size := c.Config.ShmSize
	if size == 0 {
		size = defaultShm
	}
	return &mctr.Adjustment{Spec: specs.Spec{
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.IPCNamespace}}},
		Mounts: []specs.Mount{
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%d", size)}},
			mqueue,
		},
	}}, nil
}

var (
	mqueue  = specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}}
	hostShm = specs.Mount{Destination: "/dev/shm", Type: "bind", Source: "/dev/shm", Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev"}}
)
