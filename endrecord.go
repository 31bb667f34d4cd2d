package mctr

import "time"

// An End is how a container ended, kept for its owner until the owner acknowledges it.
type End struct {
	Key         string            `json:"key"` // names the end in an acknowledgement
	ID          ContainerID       `json:"id"`
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Termination *Termination      `json:"termination"`
}

// Ends are an owner's that it has not acknowledged, the oldest first.
type Ends struct {
	Ends []End `json:"ends"`
	// Dropped counts the ends that were too many or too old to be kept, since the last
	// acknowledgement; DroppedLast is when the last of those was dropped.
	Dropped     int       `json:"dropped,omitempty"`
	DroppedLast time.Time `json:"dropped_last,omitzero"`
}
