package container

import (
	"fmt"
	"io"
	"time"

	"github.com/mctr/mctr"
)

// timings are the steps of a launch, for --timings.
type timings struct{ steps []mctr.Step }

func (t *timings) add(s mctr.Step) { t.steps = append(t.steps, s) }

func (t *timings) print(w io.Writer) {
	if len(t.steps) == 0 {
		return
	}
	for _, s := range t.steps {
		fmt.Fprintf(w, "%9.3f ms  %s\n", milliseconds(s.Took()), s.Name)
	}
	last := t.steps[len(t.steps)-1]
	fmt.Fprintf(w, "%9.3f ms  in all, to %s\n", milliseconds(last.Ended.Sub(t.steps[0].Began)), last.Name)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
