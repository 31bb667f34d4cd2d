// Package isolators holds the interface that every isolator implements, and
// [Base], which gives the verbs that one does not mean.
//
// An isolator declares, the launcher acts, and the OCI runtime spec is the
// language between them: Prepare returns data, and what must act on the host
// (a namespace, a mount, an address) does so under a checkpoint of its own and
// is undone by Cleanup. The package creates nothing itself.
package isolators

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// An Isolator limits or provides one thing for containers. It must be safe for
// concurrent use by different containers; the containerizer serialises the
// verbs of one. Package isolatortest is the contract in executable form.
type Isolator interface {
	// Name is the operator's name, the same as the package's path below
	// isolators: "cgroups/memory".
	Name() string

	// Check refuses a config that cannot be meant (mctr.ErrInvalid) or that this
	// host cannot honour (mctr.ErrUnsupported), naming the flag. It is asked
	// before anything is made, and makes nothing. For new resources of a container
	// that runs it is asked with a config that says these, the names, the image and the
	// command, and nothing of what the container has acquired.
	Check(ctx context.Context, config *mctr.ContainerConfig) error

	// Recover reports what of this isolator's is found on the host beyond the
	// known containers. It changes nothing. handleOf is also for ids that it finds.
	Recover(ctx context.Context, known []mctr.ContainerState, handleOf mctr.HandleOf) ([]mctr.Leftover, error)

	// Prepare acquires what must exist before the container, and returns the part of the spec it wants. An error
	// ends the launch. A nil Adjustment means none. Called again for the same container it gives the same answer.
	Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error)

	// Isolate is called when the container's init exists, as pid in the host's
	// namespace, and is blocked.
	Isolate(ctx context.Context, h mctr.Handle, pid int) error

	// Watch begins to watch the running container and returns at once. report
	// may be called later, until Cleanup or the end of ctx, with which the watching
	// ends.
	Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error

	// Update checks new resources of a running container against what it uses
	// now, changes what is the isolator's own on the host, and returns what the
	// engine is to apply; nil for nothing. r is whole: what did not change is in
	// it too. Called again with the same r, it gives the same answer.
	Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error)

	// Usage fills the fields of u that this isolator knows.
	Usage(ctx context.Context, h mctr.Handle, u *mctr.Usage) error

	// Status fills the fields of s that this isolator knows.
	Status(ctx context.Context, h mctr.Handle, s *mctr.Status) error

	// Cleanup releases what Prepare acquired. It is idempotent, and may be
	// called for unknown ids and after a Prepare that failed. It goes on past
	// errors and returns them joined.
	Cleanup(ctx context.Context, h mctr.Handle) error
}

// A Completer is an Isolator with a default that depends on the host. It is asked before a
// container is recorded, so that the record says what the container got, and a later start
// does not get something else.
type Completer interface {
	// Complete fills in what config leaves to the default. The note says what the
	// container lacks because the host cannot give it the usual default; "": nothing.
	Complete(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig) (note string, err error)
}

// An Undoer is an Isolator whose Recover may report leftovers that belong to no
// container (Owner ""): there is no id to call Cleanup for. Reconcile asks it to undo
// such a leftover when two looks at the host have reported it.
type Undoer interface {
	// Undo takes back what l names, and succeeds where it is gone. It wraps
	// mctr.ErrUnsupported for a kind of leftover that it cannot undo.
	Undo(ctx context.Context, l mctr.Leftover) error
}

// A VolumeLocator is an Isolator that mounts volumes whose files are on the host also while their container is
// stopped. A copy to or from a stopped container mounts such volumes where the container has them; a path in any
// other mount of the config is refused.
type VolumeLocator interface {
	// Locate returns where the files of m, a mount of the config of container h, are. It returns nil for a mount
	// of another isolator, and an error, which names the cause alone, if the files cannot be reached. h need not
	// have been prepared: a container that awaits its first start has not. parent is nil for a root container.
	// Locate changes nothing, and looks at files that may hang with a deadline.
	Locate(ctx context.Context, h mctr.Handle, parent *mctr.Handle, m mctr.Mount) (*Location, error)
}

// A Location is where the files of a volume are: Path is found below Root, without leaving it by a symbolic link.
type Location struct{ Root, Path string }

// A DirectoryBound isolator was made for one pair of directories, ROOT and STATE. A containerizer
// of others refuses it.
type DirectoryBound interface {
	Directories() (root, state string)
}
