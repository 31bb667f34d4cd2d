package main

import (
	"os"

	"github.com/spf13/pflag"
)

// listFlags are the flags of every list: what of its rows is printed, and how.
type listFlags struct {
	quiet, noTrunc, json bool
	format               string
}

// register adds the flags; whole is what --no-trunc does not cut.
func (l *listFlags) register(f *pflag.FlagSet, whole string) {
	f.BoolVar(&l.noTrunc, "no-trunc", false, "whole "+whole)
	f.StringVar(&l.format, "format", "", "table, json, or a Go template")
	f.BoolVar(&l.json, "json", false, "the same as --format json")
}

// registerQuiet is for lists of what has an id.
func (l *listFlags) registerQuiet(f *pflag.FlagSet) {
	f.BoolVarP(&l.quiet, "quiet", "q", false, "ids only")
}

// print writes a row for each item; columns are TITLE=Template.
func (l *listFlags) print(items []any, columns []string) error {
	t := table{columns: columns, format: l.format}
	if l.json {
		t.format = "json"
	}
	if l.quiet {
		t.quiet = "{{.ID}}"
	}
	return t.print(os.Stdout, items)
}
