package mctr

import "time"

// The reasons of a Termination. They are Mesos' words without the prefix.
const (
	ReasonExited       = "EXITED"               // by itself, with ExitCode
	ReasonSignaled     = "SIGNALED"             // by Signal
	ReasonOOM          = "LIMITATION_MEMORY"    // the kernel's OOM killer, within the container's limit
	ReasonMaxTime      = "MAX_COMPLETION_TIME"  // ended by its own time limit
	ReasonLaunchFailed = "LAUNCH_FAILED"        // never ran
	ReasonShimLost     = "SHIM_LOST"            // the supervisor died: the status is unknown
	ReasonReboot       = "REBOOT"               // the host went down
	ReasonDestroyed    = "DESTROYED"            // asked for by Destroy
	ReasonTaskFailed   = "TASK_FAILED"          // a task of the group failed
	ReasonUnhealthy    = "TASK_UNHEALTHY"       // its health check failed too often
	ReasonParentEnded  = "PARENT_ENDED"         // the container it was nested in ended
	ReasonLimitation   = "CONTAINER_LIMITATION" // an isolator's limit
)

// A Termination says how a container ended, and by what evidence.
type Termination struct {
	ExitCode int    `json:"exit_code"`        // as a shell gives it: 128+n for signal n
	Signal   int    `json:"signal,omitempty"` // that ended it, 0: none
	Reason   string `json:"reason"`
	Message  string `json:"message,omitempty"` // for people
	OOM      *OOM   `json:"oom,omitempty"`
	// Limitation is set when a limit ended the container: which one, and the evidence.
	Limitation *Limitation `json:"limitation,omitempty"`
	Started    time.Time   `json:"started,omitzero"`
	Finished   time.Time   `json:"finished"`
	Log        LogCount    `json:"log"`
}

// OOM is the evidence that the container's memory limit was hit.
type OOM struct {
	Kills  int64  `json:"kills"`  // processes that the kernel killed
	Limit  int64  `json:"limit"`  // bytes; -1: none of its own
	Peak   int64  `json:"peak"`   // bytes, the most that was used; 0: unknown
	Victim string `json:"victim"` // "name (pid)", or "unknown" where the kernel does not tell
}

// LogCount is what became of the container's output.
type LogCount struct {
	Bytes   int64 `json:"bytes"`             // taken from the container
	Dropped int64 `json:"dropped,omitempty"` // of them not written, a full disk for instance
	Removed int64 `json:"removed,omitempty"` // bytes of the log that rotation removed during this run
}

// SetCause gives the end its cause. A cause with a resource is a limit that was broken.
func (t *Termination) SetCause(l Limitation) {
	t.Reason, t.Message = l.Reason, l.Message
	if l.Resource != "" {
		t.Limitation = &l
	}
}

// Failed reports whether the container did not do what it was for: by its exit code, or
// because a limit or its health ended it, whatever its command made of the signal.
func (t *Termination) Failed() bool { return t.ExitCode != 0 || t.Limitation != nil }

// A Limitation is a limit that a container broke, as an isolator reports it: the
// container is ended, and its Termination carries it.
type Limitation struct {
	Reason   string `json:"reason"`             // one of the Reason constants
	Message  string `json:"message"`            // for people, with the numbers
	Resource string `json:"resource,omitempty"` // memory, disk, time, ports, ...
	Limit    int64  `json:"limit,omitempty"`    // of it, in bytes or nanoseconds
	Used     int64  `json:"used,omitempty"`     // when it was broken, in the same unit; 0: unknown
}
