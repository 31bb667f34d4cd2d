package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"text/template"
	"text/template/parse"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/visible"
)

// Inspect calls inspect for each name, and prints the results: as a JSON array, which may be empty,
// or each with a template. It continues after errors, and returns them.
func Inspect[T any](names []string, format string, inspect func(name string) (T, error)) error {
	found := []T{}
	var errs []error
	for _, name := range names {
		if item, err := inspect(name); err != nil {
			errs = append(errs, err)
		} else {
			found = append(found, item)
		}
	}
	if format != "" && format != "json" {
		t := Table{Format: format, exact: !IsTerminal(os.Stdout)}
		return errors.Join(append(errs, t.Print(os.Stdout, Rows(found)))...)
	}
	return errors.Join(append(errs, JSON(os.Stdout, found))...)
}

// JSON writes v as indented JSON.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(visible.Writer(w))
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// A Table prints rows as a table, as JSON (one object per line, as docker does) or with a Go template.
type Table struct {
	Columns []string // TITLE=Template
	Format  string   // "", table, json, or a template
	quiet   string   // template for -q; "": not quiet
	exact   bool     // print the text of a template unchanged, for a program
}

// Print prints a row for each item.
func (t Table) Print(w io.Writer, items []any) error {
	switch {
	case t.quiet != "":
		return t.lines(w, t.quiet, items)
	case t.Format == "json":
		return JSONLines(w, items)
	case strings.HasPrefix(t.Format, "table ") && strings.TrimSpace(t.Format) != "table":
		return t.chosen(w, strings.TrimPrefix(t.Format, "table "), items)
	case t.Format != "" && strings.TrimSpace(t.Format) != "table":
		return t.lines(w, t.Format, items)
	}
	var titles, fields []string
	for _, c := range t.Columns {
		title, field, _ := strings.Cut(c, "=")
		titles, fields = append(titles, title), append(fields, field)
	}
	tabs := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tabs, strings.Join(titles, "\t"))
	for _, item := range items {
		cells := make([]string, len(fields))
		for i, field := range fields {
			cell, err := t.line(field, item)
			if err != nil {
				return err
			}
			cells[i] = visible.Line(cell)
		}
		fmt.Fprintln(tabs, strings.Join(cells, "\t"))
	}
	return tabs.Flush()
}

// chosen prints a table with the columns in the user's template, and their titles.
func (t Table) chosen(w io.Writer, text string, items []any) error {
	parsed, err := ParseTemplate(text)
	if err != nil {
		return err
	}
	tabs := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(tabs, t.titles(parsed.Root))
	if err := t.lines(tabs, text, items); err != nil {
		return err
	}
	return tabs.Flush()
}

// titles returns the text of a template, with each action replaced by the title of its field.
func (t Table) titles(list *parse.ListNode) string {
	var text strings.Builder
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			text.Write(n.Text)
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				text.WriteString(t.title(n.Pipe))
			}
		case *parse.IfNode:
			text.WriteString(t.titles(n.List))
		case *parse.RangeNode:
			text.WriteString(t.titles(n.List))
		case *parse.WithNode:
			text.WriteString(t.titles(n.List))
		}
	}
	return text.String()
}

// title returns the title for the first field in a pipe: that of the column with this field, or else
// the words of the field's name.
func (t Table) title(pipe *parse.PipeNode) string {
	for _, command := range pipe.Cmds {
		for _, argument := range command.Args {
			switch n := argument.(type) {
			case *parse.FieldNode:
				field := n.Ident[len(n.Ident)-1]
				for _, c := range t.Columns {
					if title, template, _ := strings.Cut(c, "="); template == "{{."+field+"}}" {
						return title
					}
				}
				return strings.ToUpper(wordBreak.ReplaceAllString(field, "$1 $2"))
			case *parse.PipeNode:
				return t.title(n)
			}
		}
	}
	return ""
}

var wordBreak = regexp.MustCompile(`([a-z0-9])([A-Z])`)

func (t Table) line(text string, item any) (string, error) {
	parsed, err := ParseTemplate(text)
	if err != nil {
		return "", err
	}
	line, err := Execute(parsed, item)
	if err != nil {
		return "", fmt.Errorf("%w: --format: %w", mctr.ErrInvalid, err)
	}
	if t.exact {
		return string(line), nil
	}
	return visible.Text(string(line)), nil
}

func (t Table) lines(w io.Writer, text string, items []any) error {
	if _, err := ParseTemplate(text); err != nil {
		return err
	}
	for _, item := range items {
		line, err := t.line(text, item)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// Execute executes the template with item. If item lacks a field of the template, Execute tries again
// with the names of item's JSON form, such as {{.Id}}, as docker does.
func Execute(t *template.Template, item any) ([]byte, error) {
	var line bytes.Buffer
	err := t.Execute(&line, item)
	if err == nil {
		return line.Bytes(), nil
	}
	data, jsonErr := json.Marshal(item)
	if jsonErr != nil {
		return nil, err
	}
	var raw any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // for sizes above 2^53
	line.Reset()
	if decoder.Decode(&raw) != nil || t.Option("missingkey=error").Execute(&line, raw) != nil {
		return nil, err
	}
	return line.Bytes(), nil
}

// ParseTemplate parses the Go template of --format, which may use the functions of docker.
func ParseTemplate(text string) (*template.Template, error) {
	t, err := template.New("format").Funcs(template.FuncMap{
		"json":  func(v any) (string, error) { data, err := json.Marshal(v); return string(data), err },
		"upper": strings.ToUpper, "lower": strings.ToLower, "join": strings.Join,
	}).Parse(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text))
	if err != nil {
		return nil, fmt.Errorf("%w: --format: %w", mctr.ErrInvalid, err)
	}
	return t, nil
}

// JSONLines writes one JSON object per line.
func JSONLines(w io.Writer, items []any) error {
	e := json.NewEncoder(visible.Writer(w))
	e.SetEscapeHTML(false)
	for _, item := range items {
		if err := e.Encode(item); err != nil {
			return err
		}
	}
	return nil
}

// Rows converts a list for printing.
func Rows[T any](list []T) []any {
	items := make([]any, len(list))
	for i, v := range list {
		items[i] = v
	}
	return items
}
