package agent

import (
	"context"
	"io"
	"iter"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
	"github.com/mctr/mctr/provisioner"
)

// Containers are the verbs on containers.
type Containers interface {
	Inspector
	Lifecycle
	Streams
	Files
	Reconciler
	EndsReader
}

// An Inspector reads what is known of containers.
type Inspector interface {
	// Containers returns the ids of all containers.
	Containers(ctx context.Context) ([]mctr.ContainerID, error)
	// Resolve returns the container with this name, this id, or an id that alone begins so.
	Resolve(ctx context.Context, ref string) (mctr.ContainerID, error)
	Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error)
	// Usage returns what a running container consumes.
	Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error)
	DiskUsage(ctx context.Context, id mctr.ContainerID) (containerizer.DiskUsage, error)
	// Processes returns what ps(1) prints of a container's processes, with these options.
	Processes(ctx context.Context, id mctr.ContainerID, options ...string) ([]byte, error)
	// Logs calls emit with each line that a container printed, and with o.Follow prints.
	Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions, emit func(logs.Entry) error) error
	// Events returns what happened to containers, and with o.Follow what happens until ctx ends.
	Events(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error]
}

// A Lifecycle begins, changes and ends containers.
type Lifecycle interface {
	// DryRun returns the OCI spec that a launch of config would hand the engine.
	DryRun(ctx context.Context, config *mctr.ContainerConfig) (*specs.Spec, error)
	// Create records a container without running it.
	Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig, progress provisioner.Progress) error
	// Launch runs a container. The stream is nil unless o.Attach asks for one.
	Launch(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
		o containerizer.LaunchOptions) (*launcher.Stream, error)
	// LaunchGroup runs tasks that live and die together, nested in the root id.
	LaunchGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group, o containerizer.LaunchOptions) error
	// Start launches a container that was created, or has exited, again.
	Start(ctx context.Context, id mctr.ContainerID, o containerizer.LaunchOptions) (*launcher.Stream, error)
	// Wait returns how a container ended, once it has.
	Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error)
	// Kill sends a signal to the first process of a container.
	Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error
	// Stop asks the container to end by a signal, and destroys it where it has not after a
	// while; without options, by its own signal and time.
	Stop(ctx context.Context, id mctr.ContainerID, o mctr.StopOptions) (*mctr.Termination, error)
	// Destroy ends a container at once.
	Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error)
	// Remove removes a container that has ended; with force, one that runs.
	Remove(ctx context.Context, id mctr.ContainerID, force bool) error
	Pause(ctx context.Context, id mctr.ContainerID) error
	Resume(ctx context.Context, id mctr.ContainerID) error
	// Update changes the limits that change names.
	Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error
	// UpdateGroup changes the limits of a root and all that is nested in it, together.
	UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error
	Rename(ctx context.Context, id mctr.ContainerID, name string) error
}

// Streams connect the caller with processes of a container.
type Streams interface {
	// Attach joins the streams of a running container.
	Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error)
	// Exec runs one more command in a container. The command dies with its stream, unless
	// it is detached.
	Exec(ctx context.Context, id mctr.ContainerID, e containerizer.Exec) (*launcher.Stream, error)
}

// Files are the verbs on the files of a container, whether it runs or not.
type Files interface {
	StatPath(ctx context.Context, id mctr.ContainerID, file string,
		o containerizer.CopyOptions) (*containerizer.PathStat, error)
	// CopyFrom writes a file or directory of a container to w, as a tar stream.
	CopyFrom(ctx context.Context, id mctr.ContainerID, file string, w io.Writer, o containerizer.CopyOptions) error
	// CopyTo unpacks the tar stream r in a directory of a container.
	CopyTo(ctx context.Context, id mctr.ContainerID, dir string, r io.Reader, o containerizer.CopyOptions) error
}

// A Reconciler finds what no container accounts for.
type Reconciler interface {
	Leftovers(ctx context.Context) ([]mctr.Leftover, error)
	// Reconcile undoes the leftovers and returns them. The error is of those that stay.
	Reconcile(ctx context.Context) ([]mctr.Leftover, error)
}

// An EndsReader reads how containers ended, each end until it is acknowledged.
type EndsReader interface {
	// Ends returns the ends of the agent's containers that no client has acknowledged.
	Ends(ctx context.Context) (*mctr.Ends, error)
	// Acknowledge says that the caller has recorded the ends with these keys.
	Acknowledge(ctx context.Context, keys ...string) error
}
