package mctr

import "time"

// The actions of events, in docker's words.
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
	EventNoStart = "start_failed"  // the restart policy could not start it; with the error
	EventDie     = "die"           // with exitCode and reason
	EventDestroy = "destroy"       // the container was removed
	// Events before the next one are no longer kept: "missed" says how many, if that is known.
	EventGap = "gap"
)

// An Event is something that happened to a container. Events are in the order of their
// cursors, and their times never go back.
type Event struct {
	// Cursor numbers the event. A reader continues after it. A gap has none.
	Cursor     uint64            `json:"cursor,omitempty"`
	Time       time.Time         `json:"time"`
	ID         ContainerID       `json:"id"`
	Action     string            `json:"action"` // one of the Event constants
	Attributes map[string]string `json:"attributes,omitempty"`
	First      bool              `json:"first,omitempty"` // of a new file: how many came before is unknown
}

// EventOptions select events.
type EventOptions struct {
	Follow bool   `json:"follow,omitempty"` // also future events
	After  uint64 `json:"after,omitempty"`  // only those after this cursor; 0: all that are kept
}
