package wire

import (
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// The verbs of a Request.
const (
	VerbEnter   = "enter"  // before create, by the launcher
	VerbCreate  = "create" // once, by the launcher; then init exists and waits
	VerbStart   = "start"  // then the launcher's connection is no longer a lease
	VerbSignal  = "signal"
	VerbDestroy = "destroy"
	VerbExec    = "exec"   // the connection becomes a stream
	VerbAttach  = "attach" // the connection becomes a stream
	VerbUpdate  = "update"
	VerbPause   = "pause"
	VerbResume  = "resume"
	VerbResize  = "resize"
	VerbWait    = "wait" // answered when the exit is recorded
	VerbState   = "state"
	VerbClean   = "clean" // the client will clean up, so the shim does not run its exit command
)

// A Request is one question. The field named like the verb carries its arguments. A new field must
// be omitted while it is unused (omitempty): then a shim that does not know it refuses only the
// requests that use it.
type Request struct {
	Verb    string                `json:"verb"`
	Scope   *Scope                `json:"scope,omitempty"` // of the verb enter
	Create  *Create               `json:"create,omitempty"`
	Start   *Start                `json:"start,omitempty"`
	Signal  *Signal               `json:"signal,omitempty"`
	Destroy *Destroy              `json:"destroy,omitempty"`
	Exec    *Exec                 `json:"exec,omitempty"`
	Attach  *Attach               `json:"attach,omitempty"`
	Update  *specs.LinuxResources `json:"update,omitempty"`
	Resize  *Size                 `json:"resize,omitempty"`
	Wait    *Wait                 `json:"wait,omitempty"`
}

// A Scope is the systemd unit of a root container, the containers nested in it, and their shims.
type Scope struct {
	Unit        string `json:"unit,omitempty"` // unit to create; "": it exists
	Slice       string `json:"slice,omitempty"`
	Description string `json:"description,omitempty"`
	Group       string `json:"group"` // the shims' cgroup in the scope, relative to the root of the hierarchy
}

// A Create describes the container that the shim creates and supervises. Paths are absolute.
type Create struct {
	ID           mctr.ContainerID  `json:"id"`
	Runtime      string            `json:"runtime,omitempty"`      // OCI runtime's program; "": the built-in engine
	Bundle       string            `json:"bundle"`                 // directory with config.json and rootfs
	Parent       *Parent           `json:"parent,omitempty"`       // nil for a root container
	EngineRoot   string            `json:"engineRoot"`             // directory of the engine's own state
	EngineCache  string            `json:"engineCache,omitempty"`  // directory shared by all containers
	Created      string            `json:"created"`                // file for the Created record
	Exit         string            `json:"exit"`                   // file for the termination record
	FallbackExit string            `json:"fallbackExit,omitempty"` // file for that record if Exit fails
	Events       string            `json:"events,omitempty"`       // file to which the exit event is appended
	Attributes   map[string]string `json:"attributes,omitempty"`   // of those events
	LogDir       string            `json:"logDir"`
	Log          mctr.LogConfig    `json:"log"`
	Stdin        bool              `json:"stdin"`               // keep stdin open for a client
	StdinOnce    bool              `json:"stdinOnce"`           // close stdin when that client disconnects
	SecretEnv    []string          `json:"secretEnv,omitempty"` // never written to disk
	OnExit       []string          `json:"onExit,omitempty"`    // argv of the exit command
	// argv of a command that runs beside the container while no client has promised to clean up
	Watch        []string      `json:"watch,omitempty"`
	MaxTime      time.Duration `json:"maxTime,omitempty"`   // 0: none
	Transient    bool          `json:"transient,omitempty"` // its records go with it: no fsync
	ReservePorts []mctr.Port   `json:"hold,omitempty"`      // host ports that no other process may bind
}

// A Start lets init execute the user's command.
type Start struct {
	// Report has the shim append the start event: then it precedes the exit event of a command that
	// exits at once, which a launcher cannot ensure.
	Report bool `json:"report,omitempty"`
}

// A Parent is the init of the container in which a nested container runs. The nested container ends
// with it.
type Parent struct {
	ID        mctr.ContainerID `json:"id"`
	Pid       int              `json:"pid"`
	StartTime uint64           `json:"startTime"`
}

// A Created is the record of a container whose init exists.
type Created struct {
	Pid       int               `json:"pid"`
	ShimPid   int               `json:"shimPid"`
	StartTime uint64            `json:"startTime"`         // of Pid, field 22 of /proc/[pid]/stat
	Cgroups   map[string]string `json:"cgroups,omitempty"` // absolute path by controller; "" for cgroup v2
}

// A Signal is sent to the container's init, or to all its processes.
type Signal struct {
	Signal int  `json:"signal"`
	All    bool `json:"all,omitempty"`
	Ends   bool `json:"ends,omitempty"` // asks the container to exit: a paused one is resumed to handle it
}

// A Destroy kills every process. Why becomes the reason of the termination unless another one is
// recorded already. With a Grace, the shim first sends Signal to init and waits for that long.
type Destroy struct {
	Why    mctr.Limitation `json:"why"`
	Signal int             `json:"signal,omitempty"`
	Grace  time.Duration   `json:"grace,omitempty"`
}

// An Exec runs a further process in the container.
type Exec struct {
	Process specs.Process `json:"process"`
	Stdin   bool          `json:"stdin,omitempty"`
	Detach  bool          `json:"detach,omitempty"` // the process outlives the connection
	Whole   bool          `json:"whole,omitempty"`  // the processes that it started are killed with it
}

// An Attach joins the container's standard streams.
type Attach struct {
	Stdin   bool `json:"stdin,omitempty"`
	Output  bool `json:"output,omitempty"`
	Primary bool `json:"primary,omitempty"` // receives every byte; a slow client blocks the container
}

// A Wait asks for the container's termination.
type Wait struct {
	// Clean says that this client will release the container's resources. After its answer the shim
	// then waits for VerbClean or for the end of the connection, and runs its exit command only
	// after the latter.
	Clean bool `json:"clean,omitempty"`
}

// A Size is the size of a terminal in characters.
type Size struct {
	Width  uint16 `json:"width"`
	Height uint16 `json:"height"`
}

// A Response answers a Request.
type Response struct {
	Error   *Error            `json:"error,omitempty"`
	Created *Created          `json:"created,omitempty"`
	Exit    *mctr.Termination `json:"exit,omitempty"`
	State   mctr.Phase        `json:"state,omitempty"`
	Pid     int               `json:"pid,omitempty"` // of an exec process
}
