// Package backend turns unpacked layers into a root filesystem. It holds the
// interface and what implementations share; [overlay] stacks the layers,
// [copy] writes them out as one tree.
//
// On disk: what a container changes lies in its own directory, never in a layer.
// In the kernel: one mount at the target.
// Recovery: both directories are given by the caller, so that Unmount finds all
// without a record.
//
// [overlay]: https://pkg.go.dev/github.com/mctr/mctr/provisioner/backend/overlay
// [copy]: https://pkg.go.dev/github.com/mctr/mctr/provisioner/backend/copy
package backend

import (
	"context"

	"github.com/mctr/mctr/internal/treemount"
)

// A Lower is one layer: a directory in overlayfs form.
type Lower struct {
	Dir  string
	Root bool // it says what the root directory's owner, mode, time and attributes are
}

// A Mount says what to build and where.
type Mount struct {
	Lowers   []Lower // lowest first
	RW       string  // the container's own directory on disk; made 0700 if missing
	Target   string  // where the root filesystem goes; made if missing
	ReadOnly bool    // nothing can be written; RW then holds no data
	Volatile bool    // what is written need not survive the host; may be ignored
	IDs      *IDMap  // of the container's user namespace; nil without one
}

// A Backend builds root filesystems. Methods are safe for concurrent use on
// different targets.
type Backend interface {
	// Name is what the operator calls it.
	Name() string
	// Mount builds the root filesystem at m.Target. What RW holds of an earlier
	// Mount is the container's data and is kept. A Mount that fails, or is
	// killed, is undone by Unmount. It wraps ErrUnsupported when this host
	// cannot do it at all, in which case another backend may.
	Mount(ctx context.Context, m Mount) error
	// Unmount takes away what Mount put at target; rw keeps the container's data
	// for another Mount, and is the caller's to remove. Idempotent.
	Unmount(ctx context.Context, rw, target string) error
}

// Unmount takes away all that is mounted at target, however often; nothing
// there, or no target, is no error. What is still in use is detached: it goes
// when its last user does.
func Unmount(target string) error { return treemount.Clear(target, 0) }
