package format

import (
	"os"

	"github.com/spf13/pflag"
)

// List are the flags of every list: what of its rows is printed, and how.
type List struct {
	quiet, NoTrunc, JSON bool
	Format               string
}

// Register adds the flags; whole is what --no-trunc does not cut.
func (l *List) Register(f *pflag.FlagSet, whole string) {
	f.BoolVar(&l.NoTrunc, "no-trunc", false, "whole "+whole)
	f.StringVar(&l.Format, "format", "", "table, json, or a Go template")
	f.BoolVar(&l.JSON, "json", false, "the same as --format json")
}

// RegisterQuiet is for lists of what has an id.
func (l *List) RegisterQuiet(f *pflag.FlagSet) {
	f.BoolVarP(&l.quiet, "quiet", "q", false, "ids only")
}

// Print writes a row for each item; columns are TITLE=Template.
func (l *List) Print(items []any, columns []string) error {
	t := Table{Columns: columns, Format: l.Format}
	if l.JSON {
		t.Format = "json"
	}
	if l.quiet {
		t.quiet = "{{.ID}}"
	}
	return t.Print(os.Stdout, items)
}
