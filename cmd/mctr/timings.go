package main

import (
	"fmt"
	"io"
	"time"

	"github.com/mctr/mctr"
)

// timings are the steps of a launch: each took from its checkpoint to the next.
type timings struct {
	last  time.Time
	name  string
	total time.Duration
	lines []string
}

func (t *timings) reached(next mctr.Timing) {
	took := next.At.Sub(t.last)
	t.total += took
	t.lines = append(t.lines, fmt.Sprintf("%9.3f ms  %s", milliseconds(took), t.name))
	t.last, t.name = next.At, next.Checkpoint
}

func (t *timings) print(w io.Writer) {
	if len(t.lines) == 0 {
		return
	}
	for _, line := range t.lines {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "%9.3f ms  in all, to %s\n", milliseconds(t.total), t.name)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
