package network

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
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
	var drawn []template.HTML
	for _, p := range pictures {
		data, err := r.Picture(p.Metric, p.Title)
		if err != nil {
			return fmt.Errorf("draw %s: %w", p.Metric, err)
		}
		if i := bytes.Index(data, []byte("<svg")); i > 0 {
			data = data[i:] // the XML declaration has no place in HTML
		}
		// Picture made the chart: all text in it comes from this program or is escaped.
		drawn = append(drawn, template.HTML(data))
	}
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		return err
	}
	return page.Execute(w, struct {
		Pictures []template.HTML
		Text     string
	}{drawn, text.String()})
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>mctr-bench network</title>
<style>body { font-family: sans-serif; margin: 2em; max-width: 75em } pre { overflow-x: auto; background: #f5f5f5; padding: 1em } svg { max-width: 100%; height: auto }</style>
</head><body><h1>Network performance</h1>
{{range .Pictures}}<figure>{{.}}</figure>
{{end}}<h2>Figures</h2><pre>{{.Text}}</pre></body></html>
`))
