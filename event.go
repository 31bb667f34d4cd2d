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
	// events before the next one are no longer kept: "missed" says how many, where that is known
	EventGap = "gap"
)

// An Event is something that happened to a container. Events are in the order of their
// cursors, and their times never go back.
type Event struct {
	// of this event, which a reader goes on behind; a gap has none
	Cursor     uint64            `json:"cursor,omitempty"`
	Time       time.Time         `json:"time"`
	ID         ContainerID       `json:"id"`
	Action     string            `json:"action"` // one of the Event constants
	Attributes map[string]string `json:"attributes,omitempty"`
	First      bool              `json:"first,omitempty"` // of a new file: how many there were before is not known
}

// EventOptions say which events are wanted.
type EventOptions struct {
	Follow bool   `json:"follow,omitempty"` // also those to come
	After  uint64 `json:"after,omitempty"`  // only those behind this cursor; 0: all that are kept
}
