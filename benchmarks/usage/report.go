package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/mctr/mctr/benchmarks/compare"
)

// reach is the target: a fraction of the last contender's time.
const reach = 0.1

// report compares every contender with the last one.
func report(to io.Writer, contenders []*compare.Contender, o *options) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "%d containers, %d rounds\tp50 us of CPU\tp90\tratio\t95 %% of resamples\treach %g\n", o.containers,
		o.rounds, reach)
	last := contenders[len(contenders)-1]
	for _, c := range contenders {
		sorted := slices.Sorted(slices.Values(c.CPU))
		at := func(percent int) float64 {
			return float64(sorted[(len(sorted)-1)*percent/100].Nanoseconds()) / 1000 / float64(o.containers)
		}
		r := compare.Paired(c.CPU, last.CPU)
		reached := "-"
		if c != last {
			reached = map[bool]string{true: "reached", false: "missed"}[r.Mid <= reach]
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.3f\t%.3f to %.3f\t%s\n", c.Name, at(50), at(90), r.Mid, r.Low, r.High,
			reached)
	}
	return w.Flush()
}
