package ociruntime

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// newFlags returns flags with runc's syntax: one dash or two, "--flag value" or "--flag=value".
func newFlags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// parse returns the arguments that are not flags. With anywhere, flags may follow them.
func parse(f *flag.FlagSet, args []string, anywhere bool) (rest []string, err error) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Printf("Flags of %s (mctr-oci --help has its arguments):\n", f.Name())
			f.SetOutput(os.Stdout)
			f.PrintDefaults()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if f.NArg() == 0 || !anywhere {
			return append(rest, f.Args()...), nil
		}
		if ended := len(args) - f.NArg(); ended > 0 && args[ended-1] == "--" {
			return append(rest, f.Args()...), nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// parseArguments parses the flags of a command that takes between least and most arguments.
func parseArguments(f *flag.FlagSet, args []string, least, most int) ([]string, error) {
	rest, err := parse(f, args, true)
	if err != nil {
		return nil, err
	}
	return rest, count(f.Name(), rest, least, most)
}

func count(name string, rest []string, least, most int) error {
	if len(rest) < least && most == math.MaxInt {
		return fmt.Errorf("%q takes at least %d arguments, not %d: %q", name, least, len(rest), rest)
	}
	if len(rest) < least || len(rest) > most {
		return fmt.Errorf("%q takes %d to %d arguments, not %d: %q", name, least, most, len(rest), rest)
	}
	if least > 0 && rest[0] == "" {
		return fmt.Errorf("%q: container id cannot be empty", name)
	}
	return nil
}

// parseID parses the flags of a command whose only argument is a container.
func parseID(f *flag.FlagSet, args []string) (string, error) {
	rest, err := parseArguments(f, args, 1, 1)
	if err != nil {
		return "", err
	}
	return rest[0], nil
}

// A list is the value of a flag that may be repeated.
type list []string

// String returns the value as the help prints it.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set adds a value.
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func stringVar(f *flag.FlagSet, p *string, name, short, usage string) {
	f.StringVar(p, name, *p, usage)
	f.StringVar(p, short, *p, usage)
}

func boolVar(f *flag.FlagSet, p *bool, name, short, usage string) {
	f.BoolVar(p, name, *p, usage)
	f.BoolVar(p, short, *p, usage)
}
