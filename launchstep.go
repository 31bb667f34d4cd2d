package mctr

import (
	"strings"
	"time"
)

// A Step is what took time in the launch or the release of a container: an isolator's
// Prepare, say.
type Step struct {
	Name  string    `json:"name"` // of its checkpoint
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"` // zero: it was cut off, or is not finished
}

// Took returns how long the step lasted; 0 for a step that did not end.
func (s Step) Took() time.Duration {
	if s.Ended.IsZero() {
		return 0
	}
	return s.Ended.Sub(s.Began)
}

// Steps returns the steps between the checkpoints of a launch and of the release after it,
// as Status.Timings lists them, each under the name of the checkpoint that it belongs to.
// The time for which the container ran belongs to none of them.
//
// A step of "prepare/ISOLATOR", "shim" and "destroy" follows its checkpoint, which has to
// be on disk first: what they make must be found after a crash. A step of any other
// checkpoint comes before it. A first checkpoint without a name is where the first step
// began.
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
		case i == 0 && t.Checkpoint == "": // only where the first step begins
		case i == 0: // the journal does not say when this began
			steps = append(steps, Step{Name: t.Checkpoint, Began: t.At, Ended: t.At})
		case !precedes(reached[i-1].Checkpoint):
			steps = append(steps, Step{Name: t.Checkpoint, Began: reached[i-1].At, Ended: t.At})
		}
	}
	return steps
}

// precedes reports whether a checkpoint is written before what it names is done.
func precedes(checkpoint string) bool {
	return strings.HasPrefix(checkpoint, "prepare/") || checkpoint == "shim" || checkpoint == "destroy"
}
