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
