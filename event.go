package mctr

import "time"

// What an Event tells of, in docker's words.
const (
	EventCreate  = "create"
	EventStart   = "start"
	EventKill    = "kill" // with its signal
	EventPause   = "pause"
	EventUnpause = "unpause"
	EventUpdate  = "update"
	EventRename  = "rename" // with oldName
	EventExec    = "exec_start"
	EventOOM     = "oom"
	EventHealth  = "health_status" // with its status
	EventReady   = "ready_status"  // with its status
	EventNoStart = "start_failed"  // by the restart policy, with the error
	EventDie     = "die"           // with exitCode and reason
	EventDestroy = "destroy"       // its records are gone
)

// An Event is something that happened to a container.
type Event struct {
	Time       time.Time         `json:"time"`
	ID         ContainerID       `json:"id"`
	Action     string            `json:"action"` // one of the Event constants
	Attributes map[string]string `json:"attributes,omitempty"`
}
