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

// Mesos' calls. The comment of each is its description in openapi.yaml.
const (
	// Whether the agent can do its work.
	GetHealth = "GET_HEALTH"
	// The agent's version.
	GetVersion = "GET_VERSION"
	// Containers that run, as Mesos lists them.
	GetContainers = "GET_CONTAINERS"
	// List a directory of a sandbox.
	ListFiles = "LIST_FILES"
	// Read a part of a file of a sandbox.
	ReadFile = "READ_FILE"
	// Remove the images that no container uses.
	PruneImages = "PRUNE_IMAGES"

	// Run a container. 202: it runs already. With mctr.attach the connection is upgraded to its streams.
	LaunchContainer = "LAUNCH_CONTAINER"
	// Answers when the container has ended.
	WaitContainer = "WAIT_CONTAINER"
	// Send a signal to the container's first process. SIGKILL and its stop signal end its restart policy until
	// it is started again.
	KillContainer = "KILL_CONTAINER"
	// Remove a container that has ended, with its log and files.
	RemoveContainer = "REMOVE_CONTAINER"

	// LAUNCH_CONTAINER in older words.
	LaunchNestedContainer = "LAUNCH_NESTED_CONTAINER"
	// WAIT_CONTAINER in older words; also for sessions.
	WaitNestedContainer = "WAIT_NESTED_CONTAINER"
	// KILL_CONTAINER in older words; also for sessions.
	KillNestedContainer = "KILL_NESTED_CONTAINER"
	// REMOVE_CONTAINER in older words; also for sessions.
	RemoveNestedContainer = "REMOVE_NESTED_CONTAINER"
	// Run a command in its parent; its output is streamed, and it dies with the connection. The answer is
	// application/recordio, of ProcessIO.
	LaunchNestedContainerSession = "LAUNCH_NESTED_CONTAINER_SESSION"
	// Write to a container's stdin. The body is a stream of such calls as records; the first says which
	// container.
	AttachContainerInput = "ATTACH_CONTAINER_INPUT"
	// Stream what a container prints from now on. The answer is application/recordio, of ProcessIO.
	AttachContainerOutput = "ATTACH_CONTAINER_OUTPUT"
)

// The calls that mctr has beyond Mesos.
const (
	// The id of a container by its name, or the start of its id.
	FindContainer = "FIND_CONTAINER"
	// Everything that is known of a container.
	InspectContainer = "INSPECT_CONTAINER"
	// Record a container without running it.
	CreateContainer = "CREATE_CONTAINER"
	// Launch a container that was created, or has ended, again. With attach the connection is upgraded to its
	// streams.
	StartContainer = "START_CONTAINER"
	// Ask a container to end, and end it after a while.
	StopContainer = "STOP_CONTAINER"
	// End a container at once.
	DestroyContainer = "DESTROY_CONTAINER"
	// Freeze a container's processes.
	PauseContainer = "PAUSE_CONTAINER"
	// Let them go on.
	ResumeContainer = "RESUME_CONTAINER"
	// Give a container another name.
	RenameContainer = "RENAME_CONTAINER"
	// Change the limits of a running container.
	UpdateContainer = "UPDATE_CONTAINER"
	// Run one more command in a container; the connection is upgraded to its streams, unless it is detached.
	ExecContainer = "EXEC_CONTAINER"
	// Join a container's streams; the connection is upgraded to them.
	AttachContainer = "ATTACH_CONTAINER"
	// What a running container consumes.
	GetUsage = "GET_USAGE"
	// What ps(1) says of a container's processes.
	ListProcesses = "LIST_PROCESSES"
	// Stream what a container printed. The answer is application/recordio, of StreamMessage.
	ReadLogs = "READ_LOGS"
	// Stream what happened to containers, and happens. The answer is application/recordio, of StreamMessage.
	WatchEvents = "WATCH_EVENTS"
	// Bring an image into the store, and stream how it goes. The answer is application/recordio, of
	// StreamMessage.
	PullImage = "PULL_IMAGE"
	// The images of the store.
	ListImages = "LIST_IMAGES"
	// Everything that is known of an image.
	InspectImage = "INSPECT_IMAGE"
	// Remove an image from the store.
	RemoveImage = "REMOVE_IMAGE"

	// What a path in a container leads to.
	StatPath = "STAT_PATH"
	// A file or directory of a container, as it sees it. The answer is application/x-tar; it is cut off after
	// an error in the middle.
	CopyFromContainer = "COPY_FROM_CONTAINER"
	// Unpack an archive in a directory of a container. The body is multipart/form-data: the parts call, which
	// is this, and archive, a tar stream, compressed or not.
	CopyToContainer = "COPY_TO_CONTAINER"

	// Run tasks that live and die together, nested in a root; the group ends when a task fails.
	LaunchGroup = "LAUNCH_GROUP"
	// What a launch would hand the engine. Nothing is run, and nothing is left.
	DryRunContainer = "DRY_RUN_CONTAINER"

	// What the agent's host can do for containers, and the remedy for each gap.
	ExamineHost = "EXAMINE_HOST"
	// Short facts of the agent's host.
	GetHost = "GET_HOST"
	// Find and undo what no container accounts for.
	Reconcile = "RECONCILE"

	// How containers of this agent ended, as long as no client has acknowledged it, also of containers that
	// another client released or removed.
	GetEnds = "GET_ENDS"
	// Say that the client has recorded ends, which are not listed again then.
	AcknowledgeEnds = "ACKNOWLEDGE_ENDS"

	// Give an image one more name.
	TagImage = "TAG_IMAGE"
	// Bring the images of an archive into the store, and stream how it goes. The body is multipart/form-data:
	// the parts call, which is this, and archive, what docker save writes or a tar of an OCI layout. The answer
	// is application/recordio, of StreamMessage.
	LoadImages = "LOAD_IMAGES"
	// Images of the store as one archive. The answer is application/x-tar; it is cut off after an error in the
	// middle.
	SaveImages = "SAVE_IMAGES"
	// What the store takes on disk.
	GetImagesUsage = "GET_IMAGES_USAGE"
	// What a container takes on disk.
	GetDiskUsage = "GET_DISK_USAGE"

	// Make a network.
	CreateNetwork = "CREATE_NETWORK"
	// All networks.
	ListNetworks = "LIST_NETWORKS"
	// Everything that is known of a network.
	InspectNetwork = "INSPECT_NETWORK"
	// Whether a container could have the network: it is there, or made on demand (bridge), and so are its
	// plugins.
	ProbeNetwork = "PROBE_NETWORK"
	// Remove a network of mctr's to which no container is attached.
	RemoveNetwork = "REMOVE_NETWORK"
	// Have plugins drop what no container accounts for (CNI 1.1.0).
	GCNetwork = "GC_NETWORK"
	// Ask the plugins of a container's networks whether it is attached as it should be (CNI 0.4.0).
	CheckNetworks = "CHECK_NETWORKS"
)

// The media types of bodies and messages.
const (
	JSON     = "application/json"
	RecordIO = "application/recordio"
	Form     = "multipart/form-data" // of a call that brings an archive
	Tar      = "application/x-tar"
)

// The parts of a Form, in this order.
const (
	FormCall    = "call"
	FormArchive = "archive"
)

// A ReadAhead is a connection that was upgraded, of which something was read already.
type ReadAhead struct {
	net.Conn
	Buffered io.Reader
}

// Read gives what was read already first.
func (c ReadAhead) Read(p []byte) (int, error) { return c.Buffered.Read(p) }

// Timing is the header of an answer to a launch with its steps (W3C Server Timing): desc is
// the step's name, dur the milliseconds that it took.
const Timing = "Server-Timing"

// Path is where calls are posted to.
const Path = "/api/v1"

// Protocol is what a connection is upgraded to that becomes a stream of package wire.
const Protocol = "mctr-stream"

// Field is the name under which a call's arguments and its answer stand.
func Field(call string) string { return strings.ToLower(call) }

// ParseCall splits a call into its type and its arguments, which are nil where
// none are given. The error wraps mctr.ErrInvalid.
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
