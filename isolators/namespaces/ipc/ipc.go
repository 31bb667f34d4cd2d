// Package ipc is the namespaces/ipc isolator: System V IPC, POSIX message queues
// and /dev/shm of the container's own, its parent's, or the host's.
//
// Launch: Check and Prepare; the engine makes the namespace and the mounts. In
// the kernel: an ipc namespace and a tmpfs that end with the container; for one
// that shares its parent's /dev/shm, a bind mount of that at shm in its STATE
// directory, until Cleanup. On disk, recovery: nothing more. ipc_namespaces(7).
// Mesos: isolators/namespaces/ipc.
package ipc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/treemount"
	"github.com/mctr/mctr/isolators"
)

// defaultShm is docker's size of /dev/shm in bytes.
const defaultShm = 64 << 20

// New returns the isolator.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "namespaces/ipc" }

// Check refuses unknown modes, and a size for a /dev/shm that is shared.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	ns := config.Namespaces.IPC
	if config.ShmSize < 0 || config.ShmSize > 0 && (ns == isolators.Host || ns == isolators.Parent) {
		return fmt.Errorf(
			"%w: shm_size %d: it must be positive, and a shared /dev/shm (namespaces.ipc host or parent) keeps its "+
				"size",
			mctr.ErrInvalid, config.ShmSize)
	}
	return isolators.CheckMode("namespaces.ipc", ns)
}

// Prepare asks for the namespace, and for what is mounted from it. /dev/mqueue
// shows the queues of whatever namespace it is mounted in.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	mode := c.Config.Namespaces.IPC
	if mode == isolators.Host {
		return &mctr.Adjustment{Spec: specs.Spec{Mounts: []specs.Mount{hostShm, mqueue}}}, nil
	}
	// A nested container shares by default, unless it asks for a size of its own.
	if isolators.Shares(c, mode, c.Config.ShmSize == 0) {
		return parents(c)
	}
	size := cmp.Or(c.Config.ShmSize, defaultShm)
	return &mctr.Adjustment{Spec: specs.Spec{
		Linux: isolators.Namespace(c, specs.IPCNamespace, "ipc", isolators.Private, false),
		Mounts: []specs.Mount{
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
				Options: []string{"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%d", size)}},
			mqueue,
		},
	}}, nil
}

var (
	mqueue = specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue",
		Options: []string{"nosuid", "noexec", "nodev"}}
	hostShm = specs.Mount{Destination: "/dev/shm", Type: "bind", Source: "/dev/shm",
		Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev"}}
)

// parents joins the parent's namespace and mounts its /dev/shm, which the parent
// could have made a link: so it is taken as a mount, found inside its root.
func parents(c *mctr.Container) (*mctr.Adjustment, error) {
	target := shm(c.Handle)
	if err := treemount.Unbind(target); err != nil { // of an earlier Prepare
		return nil, err
	}
	if err := treemount.BindFrom(c.Parent.Pid, "dev/shm", target); err != nil {
		return nil, fmt.Errorf("share /dev/shm of %s: %w", c.Parent.ID, err)
	}
	bind := hostShm
	bind.Source = target
	return &mctr.Adjustment{Spec: specs.Spec{
		Linux:  isolators.Namespace(c, specs.IPCNamespace, "ipc", isolators.Parent, true),
		Mounts: []specs.Mount{bind, mqueue},
	}}, nil
}

// shm is where the parent's /dev/shm is mounted, for the engine to bind.
func shm(h mctr.Handle) string { return filepath.Join(h.State, "namespaces", "ipc", "shm") }

// Cleanup takes the mount of the parent's /dev/shm away.
func (isolator) Cleanup(_ context.Context, h mctr.Handle) error {
	earlier := filepath.Join(h.State, "shm") // where builds before this one mounted it
	return errors.Join(treemount.Unbind(shm(h)), treemount.Unbind(earlier))
}
