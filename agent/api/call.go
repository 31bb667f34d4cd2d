package api

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// The calls of the Mesos agent. The comment of each constant becomes its description in openapi.yaml.
const (
	// Return whether the agent is healthy.
	GetHealth = "GET_HEALTH"
	// Return the version of the agent.
	GetVersion = "GET_VERSION"
	// List the running containers, in the format of Mesos.
	GetContainers = "GET_CONTAINERS"
	// List a directory in a sandbox.
	ListFiles = "LIST_FILES"
	// Read part of a file in a sandbox.
	ReadFile = "READ_FILE"
	// Remove images that no container uses.
	PruneImages = "PRUNE_IMAGES"

	// Run a container. The answer is 202 if the container is already running. With mctr.attach the connection is
	// upgraded to the streams of the container.
	LaunchContainer = "LAUNCH_CONTAINER"
	// Wait until the container has exited.
	WaitContainer = "WAIT_CONTAINER"
	// Send a signal to the first process of the container. SIGKILL and the container's stop signal suspend its
	// restart policy until the container is started again.
	KillContainer = "KILL_CONTAINER"
	// Remove a container that has exited, with its log and files.
	RemoveContainer = "REMOVE_CONTAINER"

	// The older form of LAUNCH_CONTAINER.
	LaunchNestedContainer = "LAUNCH_NESTED_CONTAINER"
	// The older form of WAIT_CONTAINER. It also applies to sessions.
	WaitNestedContainer = "WAIT_NESTED_CONTAINER"
	// The older form of KILL_CONTAINER. It also applies to sessions.
	KillNestedContainer = "KILL_NESTED_CONTAINER"
	// The older form of REMOVE_CONTAINER. It also applies to sessions.
	RemoveNestedContainer = "REMOVE_NESTED_CONTAINER"
	// Run a command in the parent container and stream its output. Closing the connection kills the command. The
	// answer is application/recordio; each record is a ProcessIO.
	LaunchNestedContainerSession = "LAUNCH_NESTED_CONTAINER_SESSION"
	// Write to the stdin of a container. The body is a stream of records, each a call of this type. The first one
	// names the container.
	AttachContainerInput = "ATTACH_CONTAINER_INPUT"
	// Stream the output of a container from now on. The answer is application/recordio; each record is a
	// ProcessIO.
	AttachContainerOutput = "ATTACH_CONTAINER_OUTPUT"
)

// The calls that mctr adds to those of Mesos.
const (
	// Find the id of a container by its name, or by the start of its id.
	FindContainer = "FIND_CONTAINER"
	// Return the complete status of a container.
	InspectContainer = "INSPECT_CONTAINER"
	// Record a container without running it.
	CreateContainer = "CREATE_CONTAINER"
	// Launch a container that was created, or launch one that has exited again. With attach the connection is
	// upgraded to the streams of the container.
	StartContainer = "START_CONTAINER"
	// Ask a container to exit, and kill it if it has not exited after a timeout.
	StopContainer = "STOP_CONTAINER"
	// Kill a container at once.
	DestroyContainer = "DESTROY_CONTAINER"
	// Freeze the processes of a container.
	PauseContainer = "PAUSE_CONTAINER"
	// Resume the processes of a paused container.
	ResumeContainer = "RESUME_CONTAINER"
	// Give a container another name.
	RenameContainer = "RENAME_CONTAINER"
	// Change the limits of a running container.
	UpdateContainer = "UPDATE_CONTAINER"
	// Run another command in a container. The connection is upgraded to the streams of the command, unless the
	// command is detached.
	ExecContainer = "EXEC_CONTAINER"
	// Attach to a container: the connection is upgraded to its streams.
	AttachContainer = "ATTACH_CONTAINER"
	// Return the resource usage of a running container.
	GetUsage = "GET_USAGE"
	// Return the output of ps(1) for the processes of a container.
	ListProcesses = "LIST_PROCESSES"
	// Stream the log of a container. The answer is application/recordio; each record is a StreamMessage.
	ReadLogs = "READ_LOGS"
	// Stream past and new events of containers. The answer is application/recordio; each record is a
	// StreamMessage.
	WatchEvents = "WATCH_EVENTS"
	// Fetch an image into the store and stream the progress. The answer is application/recordio; each record is a
	// StreamMessage.
	PullImage = "PULL_IMAGE"
	// List the images in the store.
	ListImages = "LIST_IMAGES"
	// Return the complete description of an image.
	InspectImage = "INSPECT_IMAGE"
	// Remove an image from the store.
	RemoveImage = "REMOVE_IMAGE"

	// Return the type, size and mode of a file in a container.
	StatPath = "STAT_PATH"
	// Return a file or directory, as the container sees it. The answer is application/x-tar. After an error in the
	// middle, the answer is cut off.
	CopyFromContainer = "COPY_FROM_CONTAINER"
	// Unpack an archive into a directory of a container. The body is multipart/form-data with two parts: call,
	// which is this object, and archive, a tar stream that may be compressed.
	CopyToContainer = "COPY_TO_CONTAINER"

	// Run the tasks of a group, nested in a root container. When a task fails, the whole group stops.
	LaunchGroup = "LAUNCH_GROUP"
	// Return the OCI spec that a launch would give to the engine. Nothing is run, and nothing is left behind.
	DryRunContainer = "DRY_RUN_CONTAINER"

	// Return which features for containers the agent's host has, and a remedy for each missing one.
	ExamineHost = "EXAMINE_HOST"
	// Return the kernel, size and directories of the agent's host.
	GetHost = "GET_HOST"
	// Find and remove leftovers: processes, mounts and files that belong to no known container.
	Reconcile = "RECONCILE"

	// Return the terminations of this agent's containers that no client has acknowledged, including those of
	// containers that another client has released or removed.
	GetEnds = "GET_ENDS"
	// Acknowledge that the client has recorded terminations. GET_ENDS does not return them again.
	AcknowledgeEnds = "ACKNOWLEDGE_ENDS"

	// Give an image another name.
	TagImage = "TAG_IMAGE"
	// Add the images of an archive to the store and stream the progress. The body is multipart/form-data with two
	// parts: call, which is this object, and archive, the output of docker save or a tar of an OCI layout. The
	// answer is application/recordio; each record is a StreamMessage.
	LoadImages = "LOAD_IMAGES"
	// Return images of the store as one archive. The answer is application/x-tar. After an error in the middle, the
	// answer is cut off.
	SaveImages = "SAVE_IMAGES"
	// Return the disk usage of the store.
	GetImagesUsage = "GET_IMAGES_USAGE"
	// Return the disk usage of a container.
	GetDiskUsage = "GET_DISK_USAGE"

	// Create a network.
	CreateNetwork = "CREATE_NETWORK"
	// List all networks.
	ListNetworks = "LIST_NETWORKS"
	// Return the complete description of a network.
	InspectNetwork = "INSPECT_NETWORK"
	// Check whether a container could be attached to the network: the network exists, or is created on demand
	// (bridge), and its plugins are installed.
	ProbeNetwork = "PROBE_NETWORK"
	// Remove a network that mctr created and that no container is attached to.
	RemoveNetwork = "REMOVE_NETWORK"
	// Ask the plugins to release addresses and rules that belong to no attachment (CNI 1.1.0).
	GCNetwork = "GC_NETWORK"
	// Ask the plugins of a container's networks whether the container is attached as its config says (CNI 0.4.0).
	CheckNetworks = "CHECK_NETWORKS"

	// Create a named volume. Without a name it gets a random one.
	CreateVolume = "CREATE_VOLUME"
	// List all named volumes.
	ListVolumes = "LIST_VOLUMES"
	// Return a named volume.
	InspectVolume = "INSPECT_VOLUME"
	// Make a named volume with a size larger.
	ExpandVolume = "EXPAND_VOLUME"
	// Remove a named volume that no container uses, with its files.
	RemoveVolume = "REMOVE_VOLUME"
)

// The media types of bodies and messages.
const (
	JSON     = "application/json"
	RecordIO = "application/recordio"
	Form     = "multipart/form-data" // a call followed by an archive
	Tar      = "application/x-tar"
)

// The parts of a Form, in this order.
const (
	FormCall    = "call"
	FormArchive = "archive"
)

// A ReadAhead is an upgraded connection, part of whose data was already read into a buffer.
type ReadAhead struct {
	net.Conn
	Buffered io.Reader
}

// Read returns the buffered data first.
func (c ReadAhead) Read(p []byte) (int, error) { return c.Buffered.Read(p) }

// Timing is the header (W3C Server Timing) in which the answer to a launch has the steps of the
// launch: desc is the name of a step, dur its duration in milliseconds.
const Timing = "Server-Timing"

// Path is the URL path that calls are posted to.
const Path = "/api/v1"

// Protocol is the name of the protocol that a connection is upgraded to for the streams of package wire.
const Protocol = "mctr-stream"

// Field returns the name of the field that has the arguments of a call, and in its answer the result.
func Field(call string) string { return strings.ToLower(call) }

// ParseCall splits a call into its type and its arguments, which are nil if the call has none. The
// error wraps mctr.ErrInvalid.
func ParseCall(data []byte) (call string, arguments json.RawMessage, err error) {
	var fields map[string]json.RawMessage
	if err := Decode(data, &fields); err != nil {
		return "", nil, err
	}
	if err := json.Unmarshal(fields["type"], &call); err != nil || call == "" {
		return "", nil, fmt.Errorf("%w: a call has a \"type\", which is a string", mctr.ErrInvalid)
	}
	delete(fields, "type")
	arguments = fields[Field(call)]
	delete(fields, Field(call))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		return "", nil, fmt.Errorf("%w: a call of type %s has no %q", mctr.ErrInvalid, call, name)
	}
	return call, arguments, nil
}

// NewMessage returns the body of a call with its arguments, or of its answer. The content may
// be nil.
func NewMessage(call string, content any) ([]byte, error) {
	text := fmt.Appendf(nil, `{"type":%q`, call)
	if content != nil {
		data, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		text = append(fmt.Appendf(text, `,%q:`, Field(call)), data...)
	}
	return append(text, '}'), nil
}
