// Package isolators has the interface that every isolator implements, and [Base], which implements
// the verbs that an isolator does not need.
//
// An isolator declares, the launcher acts, and the OCI runtime spec is the language between them:
// Prepare returns data. An isolator that must act on the host itself (a namespace, a mount, an
// address) writes a record first, and Cleanup undoes the act. The package itself creates nothing.
package isolators

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// An Isolator limits or provides one thing for containers. It must be safe for concurrent use by
// different containers; the containerizer serialises the verbs of one container. Package
// isolatortest is the contract in executable form.
type Isolator interface {
	// Name returns the name that operators use, which is the package's path below isolators:
	// "cgroups/memory".
	Name() string

	// Check refuses a config that is not valid (mctr.ErrInvalid) or that this host does not support
	// (mctr.ErrUnsupported), and names the field. The containerizer calls it before it makes
	// anything; Check makes nothing either. For new resources of a running container, config has
	// these resources, the names, the image and the command, and nothing that the container has
	// acquired.
	Check(ctx context.Context, config *mctr.ContainerConfig) error

	// Recover reports everything of this isolator's on the host that belongs to none of the known
	// containers. It changes nothing. handleOf also works for ids that Recover finds.
	Recover(ctx context.Context, known []mctr.ContainerState, handleOf mctr.HandleOf) ([]mctr.Leftover, error)

	// Prepare acquires everything that must exist before the container, and returns the part of the
	// spec that it wants. An error ends the launch. A nil Adjustment means none. If Prepare is
	// called again for the same container, it returns the same answer.
	Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error)

	// Isolate is called when the container's init exists and is blocked. pid is the init's pid in
	// the host's pid namespace.
	Isolate(ctx context.Context, h mctr.Handle, pid int) error

	// Watch starts to watch the running container and returns at once. The isolator may call report
	// until Cleanup, or until ctx ends; the end of ctx ends the watch.
	Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error

	// Update checks new resources of a running container against its present usage, changes this
	// isolator's own objects on the host, and returns the resources that the engine should apply;
	// nil for none. r has all resources, also those that did not change. If Update is called again
	// with the same r, it returns the same answer.
	Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error)

	// Usage sets the fields of u that this isolator knows.
	Usage(ctx context.Context, h mctr.Handle, u *mctr.Usage) error

	// Status sets the fields of s that this isolator knows.
	Status(ctx context.Context, h mctr.Handle, s *mctr.Status) error

	// Cleanup releases everything that Prepare acquired. It is idempotent, and may be called for
	// unknown ids and after a Prepare that failed. It goes on past errors and returns them joined.
	Cleanup(ctx context.Context, h mctr.Handle) error
}

// A Completer is an Isolator with a default that depends on the host. The containerizer calls it
// before it records a container, so that the record has the value that the container got and a
// later start uses the same.
type Completer interface {
	// Complete sets the fields of config that the default decides. The note says what the container
	// lacks because the host does not support the usual default; "": nothing.
	Complete(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig) (note string, err error)
}

// A StorageLimiter is an Isolator that limits what a container writes.
type StorageLimiter interface {
	// OpenStorage makes h.RW and h.Sandbox, which exist and are empty before the first call, ready to
	// be written to. It is called before the root filesystem is mounted, for each run, and before the
	// files of a stopped container are read or written; later calls change nothing. What it makes stays
	// until Remove, and Remove is called for it also if it fails.
	OpenStorage(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error
}

// A Keeper is an Isolator for values of a config that must not be recorded, such as secrets. Its Complete
// replaces them in the config that is recorded, without a change to the order of a list.
type Keeper interface {
	// Keep stores the values in config, as the caller gave it, until Remove. It is called once, after
	// the container's record was written, and before its first launch or, for a container that awaits
	// its first start, in place of that. If it fails, the container is removed.
	Keep(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error
}

// A Remover is an Isolator that keeps something for a container from one run to the next, and beyond
// what is in the container's directories.
type Remover interface {
	// Remove removes all of that. It is called when the container is removed, after Cleanup and
	// before the container's directories are removed, also for a container that was never prepared,
	// and again if it fails. namedBy returns another container whose config names a named volume, or
	// "" if there is none.
	Remove(ctx context.Context, h mctr.Handle, namedBy func(volume string) (mctr.ContainerID, error)) error
}

// An Undoer is an Isolator whose Recover may report leftovers that belong to no container (Owner
// ""), for which Cleanup cannot be called. Reconcile calls Undo for such a leftover after Recover
// has reported it twice.
type Undoer interface {
	// Undo removes l, and succeeds if l no longer exists. The error wraps mctr.ErrUnsupported for a
	// kind of leftover that the isolator cannot undo.
	Undo(ctx context.Context, l mctr.Leftover) error
}

// A Waker is an Isolator that provides a filesystem whose server may not answer. A process that waits
// for such a server may be in uninterruptible sleep, which not even SIGKILL ends.
type Waker interface {
	// Wake ends this sleep for the processes of a container, all of which were killed before. What they
	// wrote last may be lost. It does nothing if no process waits for the isolator's filesystems; the
	// error says why it leaves a filesystem alone for which one waits.
	Wake(ctx context.Context, h mctr.Handle) error
}

// A VolumeMounter is an Isolator that mounts volumes of the config. A volume whose type belongs to no
// isolator of the table is refused.
type VolumeMounter interface {
	// VolumeTypes returns the types of the volumes that the isolator mounts.
	VolumeTypes() []string

	// Locate returns the place of the files of v, a volume of one of these types in the config of
	// container h, for a copy to or from the stopped container. It returns nil if the files exist
	// only while the container runs, and an error, which states only the cause, if they cannot be
	// reached. h need not be prepared: a container that awaits its first start is not. parent is
	// nil for a root container. Locate changes nothing, and has a deadline for files that may hang.
	Locate(ctx context.Context, h mctr.Handle, parent *mctr.Handle, v mctr.Volume) (*Location, error)
}

// A Location is the place of a volume's files. Path is resolved below Root, and no symbolic link
// leads out of Root.
type Location struct{ Root, Path string }

// A DirectoryBound isolator serves one pair of directories, ROOT and STATE. The containerizer of
// another pair refuses it.
type DirectoryBound interface {
	Directories() (root, state string)
}
