package containerizer

import (
	"time"

	"github.com/mctr/mctr"
)

// steps reports the steps of a launch as they end.
type steps struct {
	tell    func(mctr.Step) // may be nil
	reached []mctr.Timing
	told    int
}

// beginSteps begins the first step. It is called when the launch begins.
func beginSteps(tell func(mctr.Step)) *steps {
	return &steps{tell: tell, reached: []mctr.Timing{{At: time.Now()}}}
}

func (s *steps) reach(checkpoints ...mctr.Timing) {
	if s.tell == nil {
		return
	}
	s.reached = append(s.reached, checkpoints...)
	for _, step := range mctr.Steps(s.reached)[s.told:] {
		if step.Ended.IsZero() {
			return
		}
		s.tell(step)
		s.told++
	}
}
