package mctr

import "time"

// The reasons of a Termination. They are Mesos' words without the prefix.
const (
	ReasonExited       = "EXITED"               // by itself, with ExitCode
	ReasonSignaled     = "SIGNALED"             // by Signal
	ReasonOOM          = "LIMITATION_MEMORY"    // the kernel's OOM killer, within the container's limit
	ReasonDisk         = "LIMITATION_DISK"      // it exceeded a limit of what it may write
	ReasonMaxTime      = "MAX_COMPLETION_TIME"  // it exceeded its time limit
	ReasonLaunchFailed = "LAUNCH_FAILED"        // it never ran
	ReasonShimLost     = "SHIM_LOST"            // the supervisor died: the exit status is unknown
	ReasonReboot       = "REBOOT"               // the host went down
	ReasonDestroyed    = "DESTROYED"            // a caller asked for it by Destroy
	ReasonTaskFailed   = "TASK_FAILED"          // a task of the group failed
	ReasonUnhealthy    = "TASK_UNHEALTHY"       // its health check failed too often
	ReasonParentEnded  = "PARENT_ENDED"         // the container it was nested in exited
	ReasonLimitation   = "CONTAINER_LIMITATION" // an isolator's limit
)

// A Termination says how a container exited, with the evidence.
type Termination struct {
	ExitCode int    `json:"exit_code"`        // as in a shell: 128+n for signal n
	Signal   int    `json:"signal,omitempty"` // that killed it; 0: none
	Reason   string `json:"reason"`
	Message  string `json:"message,omitempty"` // for people
	OOM      *OOM   `json:"oom,omitempty"`
	// Limitation is set if a limit ended the container: which one, and the evidence.
	Limitation *Limitation `json:"limitation,omitempty"`
	Started    time.Time   `json:"started,omitzero"`
	Finished   time.Time   `json:"finished"`
	Log        LogCount    `json:"log"`
}

// OOM is the evidence that the container's memory limit was hit.
type OOM struct {
	Kills  int64  `json:"kills"`  // processes that the kernel killed
	Limit  int64  `json:"limit"`  // bytes; -1: the container has none
	Peak   int64  `json:"peak"`   // bytes, the highest usage; 0: unknown
	Victim string `json:"victim"` // "name (pid)", or "unknown" if the kernel did not report it
}

// LogCount accounts for the container's output.
type LogCount struct {
	Bytes   int64 `json:"bytes"`             // read from the container
	Dropped int64 `json:"dropped,omitempty"` // of these, not written: because of a full disk, for instance
	Removed int64 `json:"removed,omitempty"` // bytes of the log that rotation removed during this run
}

// SetCause sets the cause of the exit. A cause with a resource is a limit that the container broke.
func (t *Termination) SetCause(l Limitation) {
	t.Reason, t.Message = l.Reason, l.Message
	if l.Resource != "" {
		t.Limitation = &l
	}
}

// Failed returns true if the container failed: by its exit code, or because a limit or its health
// check ended it, whatever exit code its command chose then.
func (t *Termination) Failed() bool { return t.ExitCode != 0 || t.Limitation != nil }

// A Limitation is a limit that a container broke, as an isolator reports it. The container is ended,
// and its Termination contains the Limitation.
type Limitation struct {
	Reason   string `json:"reason"`             // one of the Reason constants
	Message  string `json:"message"`            // for people, with the numbers
	Resource string `json:"resource,omitempty"` // memory, disk, time, ports, ...
	Limit    int64  `json:"limit,omitempty"`    // of the resource, in bytes or nanoseconds
	Used     int64  `json:"used,omitempty"`     // when the limit was broken, in the same unit; 0: unknown
}
