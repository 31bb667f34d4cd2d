// Package engine is the interface between the shim and the code that creates containers. It has the
// operations of an OCI runtime, but passes file descriptors. Package engine/libcontainer is the
// built-in engine.
//
// An engine creates what config.json asks for (namespaces, mounts, cgroup), and its own records
// below Options.Root; Delete removes both. The caller is the parent and reaper of every process
// that an engine starts.
package engine

import (
	"context"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An Engine creates containers from bundles.
type Engine interface {
	// Create creates the container of o.Bundle, which must be the working directory. The
	// container's init then exists and waits for Start. If Create fails, it leaves nothing behind.
	// The error wraps mctr.ErrCommandNotFound or mctr.ErrCommandInvoke if the command is the cause,
	// and mctr.ErrExists if the id is in use.
	Create(ctx context.Context, o Options) (Container, error)

	// Load opens a container that this or another process created with the same Root, ID and Cache;
	// Load ignores the other options. The error wraps mctr.ErrNotFound if there is no such
	// container. The caller can wait for init only if init has become a child of this process.
	Load(o Options) (Container, error)
}

// Options describe the container that Create creates.
type Options struct {
	ID     string
	Bundle string      // absolute
	Root   string      // directory of the engine's records, absolute
	Cache  string      // directory shared by all containers, absolute; "": none
	Spec   *specs.Spec // config.json, and what must not be on disk
	Stdio  Stdio

	// Prepare, if not nil, is called with the directory of the container's records before init
	// exists. Files that it creates there can be mounted; Delete removes them.
	Prepare func(records string) error

	NoPivot       bool // chroot instead of pivot_root(2), for a root in a ramdisk
	NoNewKeyring  bool // keep the caller's session keyring (keyrings(7))
	SystemdCgroup bool // systemd creates the cgroup; Spec's cgroupsPath is "slice:prefix:name"
	Rootless      bool // tolerate cgroups that cannot be changed
}

// A State describes a container as an OCI runtime's state command prints it.
type State struct {
	specs.State           // Status may also be StatePaused
	Rootfs      string    `json:"rootfs"`
	Created     time.Time `json:"created"`
}

// StatePaused is the status of a container whose processes are frozen. The runtime-spec does not
// define one.
const StatePaused specs.ContainerState = "paused"

// A Container was created by an Engine.
type Container interface {
	Init() *Process

	// State asks the kernel. A container whose init is a zombie is stopped.
	State() (*State, error)

	// Processes returns the pids of all processes in the container's cgroups.
	Processes() ([]int, error)

	// Start lets init execute the user's command.
	Start() error

	// RunPoststart is called once, after Start. It waits until init executes the user's command,
	// and runs the poststart hooks. It returns at once if the container has neither poststart nor
	// startContainer hooks, which init runs before the command. An error means that the command was
	// not executed or that a hook failed; the caller must then end the container (runtime.md,
	// "Lifecycle").
	RunPoststart() error

	// Exec runs a further process in the container. A failed Exec may leave zombie children; init
	// cannot exit before the caller has reaped them.
	Exec(p *specs.Process, io Stdio) (*Process, error)

	// Signal sends sig to init, or to every process of the container. It succeeds if the container
	// has no processes.
	Signal(sig int, all bool) error

	// Update changes the cgroup limits that r sets.
	Update(r *specs.LinuxResources) error

	Pause() error
	Resume() error

	// Cgroups returns the absolute cgroup directories by controller; the key of cgroup v2 is "".
	Cgroups() map[string]string

	// Delete removes cgroup and records, and runs the poststop hooks. It may be called again. All
	// processes must have exited before.
	Delete() error
}

// A ChildOwner is a Container whose engine runs programs as children of this process and waits for
// them itself.
type ChildOwner interface {
	// OwnsChild reports whether the child pid is such a program, which a reaper of orphans must not
	// reap.
	OwnsChild(pid int) bool
}
