package network

import (
	"bytes"
	"fmt"
	"io"

	"github.com/mctr/mctr/benchmarks/picture"
)

// pictures are the charts of a page.
var pictures = []struct{ Metric, Title string }{
	{"rrN tps", "Transactions per second over many connections (more is better)"},
	{"rr1 p50", "Latency of one connection, median (less is better)"},
	{"stream", "Throughput of one stream (more is better)"},
	{"cpu per tx", "Processor time per transaction (less is better)"},
}

// Page writes a self-contained HTML page with charts and tables.
func (r *Report) Page(w io.Writer) error {
	page := picture.Page{Command: "mctr-bench network", Title: "Network performance"}
	for _, p := range pictures {
		data, err := r.Picture(p.Metric, p.Title)
		if err != nil {
			return fmt.Errorf("draw %s: %w", p.Metric, err)
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
