// Package engine is the interface between the shim and what creates
// containers: it speaks the OCI runtime's verbs with given file descriptors.
// Package engine/libcontainer is the one that is built in.
//
// An engine creates what config.json says (namespaces, mounts, cgroup) and its
// own state below Options.Root; both end with Delete. The caller is the parent
// and reaper of every process that an engine starts.
package engine

import (
	"context"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An Engine creates containers from bundles.
type Engine interface {
	// Create makes the container of o.Bundle: its init exists and waits. An
	// error leaves nothing behind. It wraps wire.ErrCommandNotFound or
	// wire.ErrCommandInvoke when the command is what is wrong.
	Create(ctx context.Context, o Options) (Container, error)
}

// Options say what Create makes.
type Options struct {
	ID     string
	Bundle string      // absolute
	Root   string      // the engine's own records, absolute
	Cache  string      // what the engine may keep for later containers, absolute; "": nothing
	Spec   *specs.Spec // what config.json says, and what must not be on disk
	Stdio  Stdio
}

// Stdio is what a process gets as its standard streams. With a terminal the
// files stay nil and the process has a pty, whose master is Process.Console.
type Stdio struct {
	Stdin, Stdout, Stderr *os.File
}

// A Process is one that the engine started.
type Process struct {
	Pid     int
	Console *os.File                   // the pty's master, nil without a terminal
	Wait    func() (WaitStatus, error) // reaps; call it once
}

// WaitStatus is how a process ended.
type WaitStatus struct {
	Code   int // as a shell gives it: 128+n after signal n
	Signal int // 0: ended by itself
}

// A Container is one that an Engine created.
type Container interface {
	Init() *Process

	// Start lets init execute the user's command.
	Start() error

	// Exec runs one more process in the container. One that fails may leave dead
	// children, and until the caller has reaped them init cannot end.
	Exec(p *specs.Process, io Stdio) (*Process, error)

	// Signal sends sig to init, or to every process of the container. A
	// container without processes is no error.
	Signal(sig int, all bool) error

	// Update changes the cgroup's limits.
	Update(r *specs.LinuxResources) error

	Pause() error
	Resume() error

	// Cgroups gives the absolute cgroup directories by controller; v2's key is "".
	Cgroups() map[string]string

	// Delete removes cgroup and records. The processes must be gone.
	Delete() error
}

// An ChildOwner is a Container whose engine runs programs as children of this
// process, and waits for them itself.
type ChildOwner interface {
	// OwnsChild reports whether the child pid is such a program. A reaper of orphans
	// leaves it alone.
	OwnsChild(pid int) bool
}
