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

// Mesos' calls.
const (
	GetHealth     = "GET_HEALTH"
	GetVersion    = "GET_VERSION"
	GetContainers = "GET_CONTAINERS"
	ListFiles     = "LIST_FILES"
	ReadFile      = "READ_FILE"
	PruneImages   = "PRUNE_IMAGES"

	LaunchContainer = "LAUNCH_CONTAINER"
	WaitContainer   = "WAIT_CONTAINER"
	KillContainer   = "KILL_CONTAINER"
	RemoveContainer = "REMOVE_CONTAINER"

	LaunchNestedContainer        = "LAUNCH_NESTED_CONTAINER"
	WaitNestedContainer          = "WAIT_NESTED_CONTAINER"
	KillNestedContainer          = "KILL_NESTED_CONTAINER"
	RemoveNestedContainer        = "REMOVE_NESTED_CONTAINER"
	LaunchNestedContainerSession = "LAUNCH_NESTED_CONTAINER_SESSION"
	AttachContainerInput         = "ATTACH_CONTAINER_INPUT"
	AttachContainerOutput        = "ATTACH_CONTAINER_OUTPUT"
)

// The calls that mctr has beyond Mesos.
const (
	FindContainer    = "FIND_CONTAINER"
	InspectContainer = "INSPECT_CONTAINER"
	CreateContainer  = "CREATE_CONTAINER"
	StartContainer   = "START_CONTAINER"
	StopContainer    = "STOP_CONTAINER"
	DestroyContainer = "DESTROY_CONTAINER"
	PauseContainer   = "PAUSE_CONTAINER"
	ResumeContainer  = "RESUME_CONTAINER"
	RenameContainer  = "RENAME_CONTAINER"
	UpdateContainer  = "UPDATE_CONTAINER"
	ExecContainer    = "EXEC_CONTAINER"
	AttachContainer  = "ATTACH_CONTAINER"
	GetUsage         = "GET_USAGE"
	ListProcesses    = "LIST_PROCESSES"
	ReadLogs         = "READ_LOGS"
	WatchEvents      = "WATCH_EVENTS"
	PullImage        = "PULL_IMAGE"
	ListImages       = "LIST_IMAGES"
	InspectImage     = "INSPECT_IMAGE"
	RemoveImage      = "REMOVE_IMAGE"

	StatPath          = "STAT_PATH"
	CopyFromContainer = "COPY_FROM_CONTAINER"
	CopyToContainer   = "COPY_TO_CONTAINER"

	LaunchGroup     = "LAUNCH_GROUP"
	DryRunContainer = "DRY_RUN_CONTAINER"

	ExamineHost = "EXAMINE_HOST"
	GetHost     = "GET_HOST"
	Reconcile   = "RECONCILE"

	GetEnds         = "GET_ENDS"
	AcknowledgeEnds = "ACKNOWLEDGE_ENDS"

	TagImage       = "TAG_IMAGE"
	LoadImages     = "LOAD_IMAGES"
	SaveImages     = "SAVE_IMAGES"
	GetImagesUsage = "GET_IMAGES_USAGE"
	GetDiskUsage   = "GET_DISK_USAGE"

	CreateNetwork  = "CREATE_NETWORK"
	ListNetworks   = "LIST_NETWORKS"
	InspectNetwork = "INSPECT_NETWORK"
	ProbeNetwork   = "PROBE_NETWORK"
	RemoveNetwork  = "REMOVE_NETWORK"
	GCNetwork      = "GC_NETWORK"
	CheckNetworks  = "CHECK_NETWORKS"
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

// NewCall is the body of a call; arguments may be nil.
func NewCall(call string, arguments any) ([]byte, error) { return message(call, arguments) }

// NewAnswer is the body of a call's answer.
func NewAnswer(call string, answer any) ([]byte, error) { return message(call, answer) }

func message(call string, content any) ([]byte, error) {
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
