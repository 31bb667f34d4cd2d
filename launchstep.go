package mctr

import (
	"strings"
	"time"
)

// A Step is a part of the launch or the release of a container that took time, such as an isolator's
// Prepare.
type Step struct {
	Name  string    `json:"name"` // of its checkpoint
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"` // zero: the step was cut off, or is not finished
}

// Took returns how long the step lasted; 0 for a step that did not end.
func (s Step) Took() time.Duration {
	if s.Ended.IsZero() {
		return 0
	}
	return s.Ended.Sub(s.Began)
}

// Steps returns the steps between the checkpoints of a launch and of the release after it, as
// Status.Timings lists them, each under the name of its checkpoint. The time for which the container
// ran belongs to no step.
//
// The steps "prepare/ISOLATOR", "shim" and "destroy" follow their checkpoint, which must be on disk
// first, so that what they make is found after a crash. Other steps precede their checkpoint. A first
// checkpoint without a name is the beginning of the first step.
func Steps(reached []Timing) []Step {
	var steps []Step
	for i, t := range reached {
		switch {
		case precedes(t.Checkpoint):
			step := Step{Name: t.Checkpoint, Began: t.At}
			if i+1 < len(reached) && reached[i+1].Checkpoint != "destroy" {
				step.Ended = reached[i+1].At
			}
			steps = append(steps, step)
		case i == 0 && t.Checkpoint == "": // the beginning of the first step
		case i == 0: // the journal does not say when this step began
			steps = append(steps, Step{Name: t.Checkpoint, Began: t.At, Ended: t.At})
		case !precedes(reached[i-1].Checkpoint):
			steps = append(steps, Step{Name: t.Checkpoint, Began: reached[i-1].At, Ended: t.At})
		}
	}
	return steps
}

// precedes returns true if a checkpoint is written before its step.
func precedes(checkpoint string) bool {
	return strings.HasPrefix(checkpoint, "prepare/") || checkpoint == "shim" || checkpoint == "destroy"
}
