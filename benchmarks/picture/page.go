package picture

import (
	"bytes"
	"html/template"
	"io"
)

// A Page is an HTML page with pictures and text.
type Page struct {
	Command  string // that made it
	Title    string
	Pictures [][]byte // SVG of this package
	Text     string   // the tables
}

// Write writes the page, which refers to no other file.
func (p Page) Write(w io.Writer) error {
	var drawn []template.HTML
	for _, data := range p.Pictures {
		if i := bytes.Index(data, []byte("<svg")); i > 0 {
			data = data[i:] // the XML declaration has no place in HTML
		}
		// This package made the picture: all text in it comes from a bench or is escaped.
		drawn = append(drawn, template.HTML(data))
	}
	return page.Execute(w, struct {
		Page
		Drawn []template.HTML
	}{p, drawn})
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Command}}</title>
<style>body { font-family: sans-serif; margin: 2em; max-width: 75em } pre { overflow-x: auto; background: #f5f5f5; padding: 1em } svg { max-width: 100%; height: auto }</style>
</head><body><h1>{{.Title}}</h1>
{{range .Drawn}}<figure>{{.}}</figure>
{{end}}<h2>Figures</h2><pre>{{.Text}}</pre></body></html>
`))
