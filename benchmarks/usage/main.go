package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/benchmarks/compare"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "usage:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct{ containers, rounds int }

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("usage", flag.ContinueOnError)
	f.IntVar(&o.containers, "n", 1000, "number of bare containers")
	f.IntVar(&o.rounds, "rounds", 20, "rounds: each contender asks all containers once in each")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.containers < 1 || o.rounds < 1 || f.NArg() > 0 {
		return nil, errors.New("want -n and -rounds of 1 or more, and no arguments")
	}
	return o, nil
}

func run(args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	r := &rig{}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(ctx, o.containers); err != nil {
		return err
	}
	contenders := r.contenders(ctx)
	if err := compare.Race(ctx, contenders, o.rounds); err != nil {
		return err
	}
	return report(os.Stdout, contenders, o)
}
