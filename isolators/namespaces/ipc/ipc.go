// Package ipc is the namespaces/ipc isolator: it gives a container System V IPC, POSIX message
// queues and /dev/shm of its own, of its parent, or of the host.
//
// Launch: Check and Prepare; the engine makes the namespace and the mounts. In the kernel: an ipc
// namespace and a tmpfs that end with the container. For a container that shares its parent's
// /dev/shm there is a bind mount of it at namespaces/ipc/shm in the container's STATE directory,
// until Cleanup. On disk, recovery: nothing more. ipc_namespaces(7). Mesos:
// isolators/namespaces/ipc.
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

// defaultShm is docker's default size of /dev/shm in bytes.
const defaultShm = 64 << 20

// New returns the isolator.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "namespaces/ipc" }

// Check refuses unknown modes, and a size for a shared /dev/shm.
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

// Prepare requests the namespace and the mounts that belong to it. /dev/mqueue shows the queues of
// the namespace in which it is mounted.
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

// parents joins the parent's namespace and mounts the parent's /dev/shm. The parent could have
// replaced it by a link, so parents opens it within the parent's root and binds what it has opened.
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

// shm returns the path at which the parent's /dev/shm is mounted for the engine.
func shm(h mctr.Handle) string { return filepath.Join(h.State, "namespaces", "ipc", "shm") }

// Cleanup unmounts the parent's /dev/shm.
func (isolator) Cleanup(_ context.Context, h mctr.Handle) error {
	earlier := filepath.Join(h.State, "shm") // the path of earlier builds
	return errors.Join(treemount.Unbind(shm(h)), treemount.Unbind(earlier))
}
