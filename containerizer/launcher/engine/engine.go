// Package engine is the interface between the shim and what creates containers: it speaks the OCI runtime's verbs with
// given file descriptors. Package engine/libcontainer is the engine that is built in.
//
// An engine creates what config.json asks for (namespaces, mounts, cgroup) and its own records below Options.Root;
// Delete removes both. The caller is the parent and reaper of every process that an engine starts.
package engine

import (
	"context"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An Engine creates containers from bundles.
type Engine interface {
	// Create makes the container of o.Bundle, the caller's working directory: the container's init exists and waits.
	// An error leaves nothing behind. The error wraps mctr.ErrCommandNotFound or mctr.ErrCommandInvoke when the command
	// is at fault, and mctr.ErrExists when the id is taken.
	Create(ctx context.Context, o Options) (Container, error)

	// Load opens a container that this process or an earlier one created with the same Root, ID and Cache; the other
	// options do not count. The error wraps mctr.ErrNotFound when there is no such container. The caller can wait for
	// the container's init only if the init has become a child of this process.
	Load(o Options) (Container, error)
}

// Options say what Create makes.
type Options struct {
	ID     string
	Bundle string      // absolute
	Root   string      // the engine's own records, absolute
	Cache  string      // what the engine may keep for later containers, absolute; "": nothing
	Spec   *specs.Spec // what config.json says, and what must not be on disk
	Stdio  Stdio

	// Prepare, where it is not nil, is called with the directory of the container's records before init exists: what it
	// makes there can be mounted, and Delete removes it.
	Prepare func(records string) error

	NoPivot       bool // chroot in place of pivot_root(2), which a root in a ramdisk needs
	NoNewKeyring  bool // keep the caller's session keyring (keyrings(7))
	SystemdCgroup bool // systemd makes the control group; Spec's cgroupsPath is "slice:prefix:name"
	Rootless      bool // go on where control groups cannot be changed
}

// State is what an engine knows of a container, as the OCI runtime's state prints it.
type State struct {
	specs.State           // Status may also be StatePaused
	Rootfs      string    `json:"rootfs"`
	Created     time.Time `json:"created"`
}

// StatePaused is the status of a container whose processes are frozen, for which the runtime-spec has no word.
const StatePaused specs.ContainerState = "paused"

// A Container is one that an Engine created.
type Container interface {
	Init() *Process

	// State asks the kernel: a container whose init is a zombie is stopped.
	State() (*State, error)

	// Processes returns the pids of every process in the container's cgroups.
	Processes() ([]int, error)

	// Start lets init execute the user's command.
	Start() error

	// RunPoststart is called once, after Start: it waits until init executes the user's command, and runs the poststart
	// hooks. Where the container has neither these nor startContainer hooks, which init runs before the command, it
	// returns at once. An error says that the command was not executed or that a hook failed; the caller ends the
	// container then (runtime.md, "Lifecycle").
	RunPoststart() error

	// Exec runs one more process in the container. An Exec that fails may leave dead children, and init cannot end
	// until the caller has reaped them.
	Exec(p *specs.Process, io Stdio) (*Process, error)

	// Signal sends sig to init, or to every process of the container. Signalling a container without processes is not
	// an error.
	Signal(sig int, all bool) error

	// Update changes the limits of the cgroup that r names.
	Update(r *specs.LinuxResources) error

	Pause() error
	Resume() error

	// Cgroups returns the absolute cgroup directories by controller; the key of cgroup v2 is "".
	Cgroups() map[string]string

	// Delete removes cgroup and records, and runs the poststop hooks. It can be repeated. The processes must have
	// ended.
	Delete() error
}

// A ChildOwner is a Container whose engine runs programs as children of this process, and waits for them itself.
type ChildOwner interface {
	// OwnsChild reports whether the child pid is such a program. A reaper of orphans leaves it alone.
	OwnsChild(pid int) bool
}
