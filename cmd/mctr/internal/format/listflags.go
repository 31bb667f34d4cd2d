package format

import (
	"os"

	"github.com/spf13/pflag"
)

// List has the output flags that all lists have in common.
type List struct {
	quiet, NoTrunc, JSON bool
	Format               string
}

// Register adds the flags. whole names the columns that --no-trunc does not shorten.
func (l *List) Register(f *pflag.FlagSet, whole string) {
	f.BoolVar(&l.NoTrunc, "no-trunc", false, "do not shorten "+whole)
	f.StringVar(&l.Format, "format", "", "table, json, or a Go template")
	f.BoolVar(&l.JSON, "json", false, "the same as --format json")
}

// RegisterQuiet adds --quiet, for lists whose rows have an id.
func (l *List) RegisterQuiet(f *pflag.FlagSet) {
	f.BoolVarP(&l.quiet, "quiet", "q", false, "print only ids")
}

// Print prints a row for each item. columns are TITLE=Template.
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
