package wire

import (
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// The verbs of a Request.
const (
	VerbEnter   = "enter"  // before create, by the launcher
	VerbCreate  = "create" // once, by the launcher; init exists and is blocked after it
	VerbStart   = "start"  // from here the launcher's connection is no lease any more
	VerbSignal  = "signal"
	VerbDestroy = "destroy"
	VerbExec    = "exec"   // the connection becomes a stream
	VerbAttach  = "attach" // the connection becomes a stream
	VerbUpdate  = "update"
	VerbPause   = "pause"
	VerbResume  = "resume"
	VerbResize  = "resize"
	VerbWait    = "wait" // answers when the exit is recorded
	VerbState   = "state"
	VerbClean   = "clean" // the client will clean up; the shim leaves its exit command out
)

// A Request is one question. The field named like the verb carries its arguments. What
// is added here is left out where it is not used (omitempty): a shim that does not know
// it refuses only who uses it.
type Request struct {
	Verb    string                `json:"verb"`
	Scope   *Scope                `json:"scope,omitempty"` // of enter
	Create  *Create               `json:"create,omitempty"`
	Signal  *Signal               `json:"signal,omitempty"`
	Destroy *Destroy              `json:"destroy,omitempty"`
	Exec    *Exec                 `json:"exec,omitempty"`
	Attach  *Attach               `json:"attach,omitempty"`
	Update  *specs.LinuxResources `json:"update,omitempty"`
	Resize  *Size                 `json:"resize,omitempty"`
	Wait    *Wait                 `json:"wait,omitempty"`
}

// A Scope is the unit of systemd's that a root container is in, with all that is
// nested in it and their shims.
type Scope struct {
	Unit        string `json:"unit,omitempty"` // to be made; "": it is there
	Slice       string `json:"slice,omitempty"`
	Description string `json:"description,omitempty"`
	Group       string `json:"group"` // the shims' in the scope, relative to the hierarchy's root
}

// A Create tells the shim what to supervise. Paths are absolute.
type Create struct {
	ID           mctr.ContainerID  `json:"id"`
	Runtime      string            `json:"runtime,omitempty"`      // OCI runtime's program; "": the built-in engine
	Bundle       string            `json:"bundle"`                 // config.json and rootfs
	Parent       *Parent           `json:"parent,omitempty"`       // nil for a root container
	EngineRoot   string            `json:"engineRoot"`             // where the engine keeps its state
	EngineCache  string            `json:"engineCache,omitempty"`  // what it keeps for all containers
	Created      string            `json:"created"`                // file: the Created record
	Exit         string            `json:"exit"`                   // file: the termination record
	FallbackExit string            `json:"fallbackExit,omitempty"` // where the record goes when Exit cannot be written
	Events       string            `json:"events,omitempty"`       // file: where the end is told
	Attributes   map[string]string `json:"attributes,omitempty"`   // of those events
	LogDir       string            `json:"logDir"`
	Log          mctr.LogConfig    `json:"log"`
	Stdin        bool              `json:"stdin"`               // keep stdin open for a client
	StdinOnce    bool              `json:"stdinOnce"`           // close it when that client goes
	SecretEnv    []string          `json:"secretEnv,omitempty"` // stays in memory
	OnExit       []string          `json:"onExit,omitempty"`    // argv of the exit command
	// argv of what runs beside the container while no client promised to clean up
	Watch        []string      `json:"watch,omitempty"`
	MaxTime      time.Duration `json:"maxTime,omitempty"`   // 0: none
	Transient    bool          `json:"transient,omitempty"` // the container's records go with it: no fsync
	ReservePorts []mctr.Port   `json:"hold,omitempty"`      // of the host, for this container alone
}

// A Parent is the init of the container that a nested one is in, and with which
// it ends.
type Parent struct {
	ID        mctr.ContainerID `json:"id"`
	Pid       int              `json:"pid"`
	StartTime uint64           `json:"startTime"`
}

// Created is the record of a container whose init exists.
type Created struct {
	Pid       int               `json:"pid"`
	ShimPid   int               `json:"shimPid"`
	StartTime uint64            `json:"startTime"`         // of Pid, /proc/[pid]/stat field 22
	Cgroups   map[string]string `json:"cgroups,omitempty"` // controller to absolute path; "" is v2's
}

// A Signal is kill(2) for the container's init, or for all its processes.
type Signal struct {
	Signal int  `json:"signal"`
	All    bool `json:"all,omitempty"`
	Ends   bool `json:"ends,omitempty"` // it asks for the end: a paused container goes on, to hear it
}

// A Destroy kills every process; Why is what the record of the end says then,
// where nothing was recorded before it. With a Grace, init gets Signal first and
// has so long.
type Destroy struct {
	Why    mctr.Limitation `json:"why"`
	Signal int             `json:"signal,omitempty"`
	Grace  time.Duration   `json:"grace,omitempty"`
}

// An Exec runs one more process in the container.
type Exec struct {
	Process specs.Process `json:"process"`
	Stdin   bool          `json:"stdin,omitempty"`
	Detach  bool          `json:"detach,omitempty"` // lives as long as the container
	Whole   bool          `json:"whole,omitempty"`  // what the process started ends with it
}

// An Attach joins the container's standard streams.
type Attach struct {
	Stdin   bool `json:"stdin,omitempty"`
	Output  bool `json:"output,omitempty"`
	Primary bool `json:"primary,omitempty"` // gets every byte, by back-pressure
}

// A Wait asks for the container's end.
type Wait struct {
	// Clean says that this client will release the container's resources: the
	// shim then waits, after its answer, for VerbClean or the connection's end,
	// and runs its exit command only after the latter.
	Clean bool `json:"clean,omitempty"`
}

// A Size is a terminal's, in characters.
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
	Pid     int               `json:"pid,omitempty"` // of an exec'd process
}
