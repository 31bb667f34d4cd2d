package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/benchmarks/picture"
)

// Picture draws the volumes' ratios of a metric to the local disk, as SVG.
func (r *Report) Picture(n Metric) ([]byte, error) {
	var rows []picture.Row
	for _, m := range r.Volumes {
		if len(m.Slots) > 0 {
			rows = append(rows, picture.Row{Name: m.Name, Ratio: compare.Paired(m.values(metrics[n]))})
		}
	}
	return picture.Ratios(metrics[n].title,
		fmt.Sprintf("ratio to the local disk, median of %d with 95 %% of resamples; Linux %s", r.Rounds, r.Kernel),
		rows)
}

// Page writes a self-contained HTML page with tables, and with charts if there are loads.
func (r *Report) Page(w io.Writer) error {
	page := picture.Page{Command: "mctr-bench volume", Title: "Persistent volumes"}
	for n := range metrics {
		data, err := r.Picture(Metric(n))
		if errors.Is(err, picture.ErrNothing) {
			break
		}
		if err != nil {
			return fmt.Errorf("draw %s: %w", metrics[n].name, err)
		}
		page.Pictures = append(page.Pictures, data)
	}
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		return err
	}
	page.Text = text.String()
	return page.Write(w)
}
