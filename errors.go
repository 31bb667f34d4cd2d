package mctr

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

// The sentinels that errors of this module wrap; test for them with errors.Is.
// They are containerd's errdefs under the names of this module, so that
// errdefs.IsNotFound and its siblings work too.
var (
	ErrNotFound    = errdefs.ErrNotFound           // no such container, image or object
	ErrExists      = errdefs.ErrAlreadyExists      // the id or name is taken
	ErrInvalid     = errdefs.ErrInvalidArgument    // the caller asked for something that is not valid
	ErrUnsupported = errdefs.ErrNotImplemented     // this kernel, host or engine lacks the feature
	ErrState       = errdefs.ErrFailedPrecondition // the object is not in a state that allows it
	ErrDestroyed   = errdefs.ErrAborted            // the container was destroyed meanwhile
	ErrUnavailable = errdefs.ErrUnavailable        // a peer (registry, shim, plugin) cannot be reached
)

// The errors of a command that cannot be executed. Shells exit with 127 and 126 for them.
var (
	ErrCommandNotFound = errors.New("command not found")
	ErrCommandInvoke   = errors.New("command cannot be invoked")
)

// A PhaseError says where in a container's life an operation failed. Its text begins with
// the cause, names behind that the phase, the isolator or part that acted, the operation
// and its object, and ends with the remedy where there is one.
type PhaseError struct {
	ID       ContainerID
	Phase    Phase
	Isolator string // or the part that acted: "provisioner", "shim"
	Op       string // verb and object: "prepare", "create cgroup"
	Err      error
	Remedy   string // what the operator can do; may be empty
}

func (e *PhaseError) Error() string {
	s := fmt.Sprintf("%v (%s: %s: %s)", e.Err, e.Phase, e.Isolator, e.Op)
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

func (e *PhaseError) Unwrap() error { return e.Err }

// An UnsupportedError names a feature that was asked for and that this host
// cannot give. It matches ErrUnsupported.
type UnsupportedError struct {
	Feature string // the config's field by its path, or what else was asked for: "resources.memory.swap"
	Why     string // what is missing: "the kernel has no swap accounting"
	Remedy  string // may be empty
}

func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("%s is not supported here: %s", e.Feature, e.Why)
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

// Is makes errors.Is(err, ErrUnsupported) true.
func (e *UnsupportedError) Is(target error) bool { return target == ErrUnsupported }
