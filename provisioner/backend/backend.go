// Package backend turns unpacked layers into a root filesystem. It has the interface and the code
// that implementations share; [overlay] stacks the layers, [copy] copies them into one tree.
//
// On disk: a container's changes are in its own directory, never in a layer. In the kernel: one
// mount at the target. Recovery: the caller provides both directories, so that Unmount needs no
// record.
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
	Root bool // it has the root directory's owner, mode, time and attributes
}

// A Mount describes the root filesystem to build.
type Mount struct {
	Lowers   []Lower // lowest first
	RW       string  // the container's directory for its changes; made with 0700 if missing
	Target   string  // the mount point of the root filesystem; made if missing
	ReadOnly bool    // the root filesystem is read-only; RW holds no data then
	Volatile bool    // changes need not survive a crash of the host; may be ignored
	IDs      *IDMap  // of the container's user namespace; nil: it has none
}

// A Backend builds root filesystems. Its methods are safe for concurrent use on different targets.
type Backend interface {
	// Name returns the name of the backend in the configuration.
	Name() string
	// Mount builds the root filesystem at m.Target. It preserves the container's data that an
	// earlier Mount left in RW. Unmount undoes a Mount that failed or was killed. The error wraps
	// mctr.ErrUnsupported if the host does not support the backend; then another backend may work.
	Mount(ctx context.Context, m Mount) error
	// Unmount removes the mount at target. The container's data stays in rw for another Mount; the
	// caller removes it. Unmount may be called twice.
	Unmount(ctx context.Context, rw, target string) error
}

// Unmount removes all mounts at target. It succeeds if there are none or target does not exist. A
// mount that is in use is detached and disappears with its last user.
func Unmount(target string) error { return treemount.Clear(target, 0) }
