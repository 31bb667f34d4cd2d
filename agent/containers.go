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

// Containers has the operations on containers.
type Containers interface {
	Inspector
	Lifecycle
	Streams
	Files
	Reconciler
	EndsReader
}

// An Inspector reads the state of containers.
type Inspector interface {
	// Containers returns the ids of all containers.
	Containers(ctx context.Context) ([]mctr.ContainerID, error)
	// Resolve returns the id of the container that ref names: by name, by id, or by the start of an
	// id, if only one id starts with it.
	Resolve(ctx context.Context, ref string) (mctr.ContainerID, error)
	Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error)
	// Usage returns what a running container consumes.
	Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error)
	DiskUsage(ctx context.Context, id mctr.ContainerID) (containerizer.DiskUsage, error)
	// Processes returns the output of ps(1) with the given options, for the container's processes.
	Processes(ctx context.Context, id mctr.ContainerID, options ...string) ([]byte, error)
	// Logs calls emit for each line that a container has printed. With o.Follow it continues with
	// new lines until the container has exited.
	Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions, emit func(logs.Entry) error) error
	// Events returns past events of containers. With o.Follow it continues with new events until ctx
	// ends.
	Events(ctx context.Context, o mctr.EventOptions) iter.Seq2[mctr.Event, error]
}

// A Lifecycle starts, changes and stops containers.
type Lifecycle interface {
	// DryRun returns the OCI spec that a launch of config would give to the engine.
	DryRun(ctx context.Context, config *mctr.ContainerConfig) (*specs.Spec, error)
	// Create records a container without running it.
	Create(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig, progress provisioner.Progress) error
	// Launch runs a container. The stream is nil unless o.Attach asks for one.
	Launch(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
		o containerizer.LaunchOptions) (*launcher.Stream, error)
	// LaunchGroup runs the tasks of a group, nested in the root id. When one task fails, all stop.
	LaunchGroup(ctx context.Context, id mctr.ContainerID, g *mctr.Group, o containerizer.LaunchOptions) error
	// Start launches a container that was created, or has exited, again.
	Start(ctx context.Context, id mctr.ContainerID, o containerizer.LaunchOptions) (*launcher.Stream, error)
	// Wait waits until a container has exited, and returns its termination.
	Wait(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error)
	// Kill sends a signal to the first process of a container.
	Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error
	// Stop sends a signal to the container, and destroys the container if it has not exited after a
	// timeout. The defaults are the container's own signal and timeout.
	Stop(ctx context.Context, id mctr.ContainerID, o mctr.StopOptions) (*mctr.Termination, error)
	// Destroy kills a container at once.
	Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error)
	// Remove removes a container that has exited. With force it also removes a running container.
	Remove(ctx context.Context, id mctr.ContainerID, force bool) error
	Pause(ctx context.Context, id mctr.ContainerID) error
	Resume(ctx context.Context, id mctr.ContainerID) error
	// Update changes the limits that are set in change.
	Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error
	// UpdateGroup changes the limits that a root shares with all containers nested in it.
	UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error
	Rename(ctx context.Context, id mctr.ContainerID, name string) error
}

// Streams connects the caller with processes of a container.
type Streams interface {
	// Attach returns a new connection to the streams of a running container.
	Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error)
	// Exec runs another command in a container. Closing the stream kills the command, unless it is
	// detached.
	Exec(ctx context.Context, id mctr.ContainerID, e containerizer.Exec) (*launcher.Stream, error)
}

// Files has the operations on the files of a container, which need not be running.
type Files interface {
	StatPath(ctx context.Context, id mctr.ContainerID, file string,
		o containerizer.CopyOptions) (*containerizer.PathStat, error)
	// CopyFrom writes a file or directory of a container to w, as a tar stream.
	CopyFrom(ctx context.Context, id mctr.ContainerID, file string, w io.Writer, o containerizer.CopyOptions) error
	// CopyTo unpacks the tar stream r into a directory of a container.
	CopyTo(ctx context.Context, id mctr.ContainerID, dir string, r io.Reader, o containerizer.CopyOptions) error
}

// A Reconciler finds leftovers: processes, mounts and files that belong to no known container.
type Reconciler interface {
	Leftovers(ctx context.Context) ([]mctr.Leftover, error)
	// Reconcile removes the leftovers and returns them. The error is about those that it could not
	// remove.
	Reconcile(ctx context.Context) ([]mctr.Leftover, error)
}

// An EndsReader reads the terminations of containers. Each is kept until a client acknowledges it.
type EndsReader interface {
	// Ends returns the terminations of the agent's containers that no client has acknowledged.
	Ends(ctx context.Context) (*mctr.Ends, error)
	// Acknowledge reports that the caller has recorded the terminations with these keys.
	Acknowledge(ctx context.Context, keys ...string) error
}
