package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/benchmarks/compare"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "recover:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	containers, rounds int
	bin                string
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("recover", flag.ContinueOnError)
	f.IntVar(&o.containers, "n", 1000, "number of running containers")
	f.IntVar(&o.rounds, "rounds", 10, "rounds: each contender takes over all containers once in each")
	f.StringVar(&o.bin, "bin", "bin", "`DIR` with mctr's programs (make build)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.containers < 1 || o.rounds < 1 || f.NArg() > 0 {
		return nil, errors.New("want -n and -rounds of 1 or more, and no arguments")
	}
	return o, nil
}

func run(args []string, to io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	r := &rig{}
	defer func() { err = errors.Join(err, r.close(context.WithoutCancel(ctx))) }()
	if err := r.open(ctx, o); err != nil {
		return err
	}
	contenders := r.contenders(ctx)
	if err := compare.Race(ctx, contenders, o.rounds); err != nil {
		return err
	}
	return report(to, contenders, o)
}

// report compares every contender with the last one.
func report(to io.Writer, contenders []*compare.Contender, o *options) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "%d containers, %d rounds\tp50 us of CPU each\tp50 us each\tratio of CPU\t95 %% of resamples\n",
		o.containers, o.rounds)
	last := contenders[len(contenders)-1]
	for _, c := range contenders {
		r := compare.Paired(c.CPU, last.CPU)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t%.2f to %.2f\n", c.Name, each(c.CPU, o), each(c.Wall, o), r.Mid, r.Low,
			r.High)
	}
	return w.Flush()
}

// each returns the median for one container, in microseconds.
func each(took []time.Duration, o *options) float64 {
	sorted := slices.Sorted(slices.Values(took))
	return float64(sorted[(len(sorted)-1)/2].Nanoseconds()) / 1000 / float64(o.containers)
}
