package network

import (
	"fmt"

	"github.com/mctr/mctr/benchmarks/picture"
)

// Picture draws a metric's ratios to the baseline, with their intervals, as SVG.
func (r *Report) Picture(metric, title string) ([]byte, error) {
	var rows []picture.Row
	for _, m := range r.Cases {
		if len(m.Slots) > 0 {
			rows = append(rows, picture.Row{Name: m.Name, Ratio: m.Ratio(metric)})
		}
	}
	return picture.Ratios(title, fmt.Sprintf("ratio to direct-direct, median of %d with 95 %% of resamples; Linux %s",
		r.Rounds, r.Client.Kernel), rows)
}
