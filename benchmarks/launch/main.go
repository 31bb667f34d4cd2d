package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/benchmarks/compare"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	rounds, sleepers      int
	svg, bin, root, state string
	json                  bool
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("launch", flag.ContinueOnError)
	f.IntVar(&o.rounds, "n", 100, "rounds: each contender runs once in each")
	f.IntVar(&o.sleepers, "sleepers", 50, "sleeping containers to measure the memory of; 0: none")
	f.StringVar(&o.svg, "svg", "", "draw the picture into this `FILE`")
	f.BoolVar(&o.json, "json", false, "print JSON instead of the table")
	f.StringVar(&o.bin, "bin", "bin", "`DIR` with mctr, mctr-shim and mctr-helper")
	f.StringVar(&o.root, "root", "", "make mctr's --root, a temporary directory, in `DIR` (default: $TMPDIR or /tmp)")
	f.StringVar(&o.state, "state", "",
		"make mctr's --state, and runc's and crun's, temporary directories, in `DIR` (default: /run)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.rounds < 1 || o.sleepers < 0 || f.NArg() > 0 {
		return nil, errors.New("want -n of 1 or more, -sleepers of 0 or more, and no arguments")
	}
	return o, nil
}

func run(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	r, err := bench(ctx, o)
	if err != nil {
		return err
	}
	if o.svg != "" {
		if err := draw(r, o.svg); err != nil {
			return fmt.Errorf("draw %s: %w", o.svg, err)
		}
	}
	if o.json {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "\t")
		return encoder.Encode(r)
	}
	return r.print(os.Stdout)
}

// bench measures everything in a rig of its own, which it removes afterwards.
func bench(ctx context.Context, o *options) (r *report, err error) {
	if err := becomeSubreaper(); err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	rig, err := newRig(ctx, bin, o.root, o.state)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rig.close(context.WithoutCancel(ctx))) }()
	r = &report{Host: hostFacts(), Rounds: o.rounds}
	if info, err := os.Stat(rig.program("mctr-shim")); err == nil {
		r.ShimBytes = info.Size()
	}
	contenders := rig.contenders(ctx)
	if err := race(ctx, contenders, o.rounds); err != nil {
		return nil, err
	}
	r.Host.LoadAfter = compare.LoadAverage()
	r.Contenders = contenders
	r.compare()
	if o.sleepers > 0 {
		r.Memory = rig.memory(ctx, o.sleepers)
	}
	r.checkTargets()
	return r, nil
}
