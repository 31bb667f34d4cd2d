package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// volumeFlags has the values of the flags of the command volume.
type volumeFlags struct {
	options         volume.Options
	programs        volume.Programs
	volumes         []string
	size            string
	json, html, svg string
	quiet           bool
}

func volumeCommand() *cobra.Command {
	f := &volumeFlags{}
	cmd := &cobra.Command{
		Use: "volume [flags]", Short: "Test persistent volumes, and measure them", Args: cobra.NoArgs,
		Long: `Test persistent volumes: whether data survive a restart, another container, a killed
container, a killed agent and a failed node; whether locks hold; whether a full volume
says so; whether it grows. Then measure throughput and latency beside the local disk.
A check that does not apply to a volume is "-".

A volume is NAME=DRIVER[,option=value...]; the option size is its size. The volumes
are created, and removed with their storage at the end. The exit code is 1 if a check
failed.`,
		Example: `  mctr-bench volume
  mctr-bench volume --rounds 0 --volume data=local,size=256m
  mctr-bench volume --size 1g --duration 10s --html volume.html --json volume.json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	s := cmd.Flags()
	s.StringArrayVar(&f.volumes, "volume", nil,
		"`NAME=DRIVER[,option=value...]` of a volume (default: local=local and sized=local,size=SIZE)")
	s.StringVar(&f.size, "size", "64m", "most bytes that a load writes; the checks' data have a fourth")
	s.DurationVar(&f.options.Time, "duration", 500*time.Millisecond, "bound of each of the three parts of a load")
	s.IntVar(&f.options.Rounds, "rounds", 5, "rounds of loads; 0: only the checks")
	s.StringVar(&f.options.Dir, "dir", "", "`DIR` on the local disk for everything that is made (default: $TMPDIR)")
	s.StringVar(&f.programs.Image, "image", "", "`IMAGE` to run the bench's own program in (default: an empty one)")
	s.StringVar(&f.json, "json", "", "write all results to `FILE` (-: stdout, instead of the tables)")
	s.StringVar(&f.html, "html", "", "write an HTML page with charts to `FILE`")
	s.StringVar(&f.svg, "svg", "", "write the chart of synchronous writes to `FILE`")
	s.StringVar(&f.programs.Bin, "bin", "",
		"`DIR` with mctr-shim and mctr-helper (default: the directory of mctr-bench)")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "do not print the progress")
	cmd.AddCommand(volumeWorkCommand(), doomedCommand())
	return cmd
}

func (f *volumeFlags) run(ctx context.Context) error {
	if err := f.complete(); err != nil {
		return err
	}
	r, err := volume.Run(ctx, f.programs, f.options)
	if r == nil || ctx.Err() != nil {
		return err
	}
	if n := r.Failures(); n > 0 {
		err = errors.Join(fmt.Errorf("checks or volumes that failed: %d", n), err)
	}
	return errors.Join(f.report(r), err)
}

func (f *volumeFlags) complete() (err error) {
	o := &f.options
	if o.Size, err = volume.Size(f.size); err != nil {
		return fmt.Errorf("--size: %w", err)
	}
	if o.Rounds < 0 || o.Time < time.Millisecond || o.Time > time.Minute || o.Size > 16<<30 {
		return fmt.Errorf("%w: want rounds of at least 0, a duration of 1ms to 1m and a size of at most 16g",
			mctr.ErrInvalid)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: mctr-bench volume must be run by root", mctr.ErrUnsupported)
	}
	o.Progress = func(text string) {
		if !f.quiet {
			fmt.Fprintln(os.Stderr, text)
		}
	}
	if err := f.chooseVolumes(); err != nil {
		return err
	}
	return f.findPrograms()
}

func (f *volumeFlags) chooseVolumes() error {
	if len(f.volumes) == 0 {
		f.volumes = []string{"local=local", fmt.Sprintf("sized=local,size=%d", f.options.Size)}
	}
	seen := map[string]bool{}
	for _, text := range f.volumes {
		v, err := volume.Parse(text)
		if err != nil {
			return fmt.Errorf("--volume: %w", err)
		}
		if seen[v.Name] {
			return fmt.Errorf("%w: --volume: two volumes have the name %s", mctr.ErrInvalid, v.Name)
		}
		seen[v.Name] = true
		f.options.Volumes = append(f.options.Volumes, v)
	}
	return nil
}

func (f *volumeFlags) findPrograms() (err error) {
	p := &f.programs
	if p.Bench, err = os.Executable(); err != nil {
		return err
	}
	if p.Bin, err = filepath.Abs(cmp.Or(p.Bin, filepath.Dir(p.Bench))); err != nil {
		return err
	}
	for _, program := range []string{"mctr-shim", "mctr-helper"} {
		if _, err := os.Stat(filepath.Join(p.Bin, program)); err != nil {
			return fmt.Errorf("%w (make build creates it; --bin names its directory)", err)
		}
	}
	return nil
}

// report prints the results, and writes the files of --html, --svg and --json.
func (f *volumeFlags) report(r *volume.Report) error {
	var errs []error
	if f.html != "" {
		errs = append(errs, write(f.html, func(w *os.File) error { return r.Page(w) }))
	}
	if f.svg != "" {
		errs = append(errs, write(f.svg, func(w *os.File) error {
			data, err := r.Picture(volume.SyncMedian)
			return errors.Join(err, second(w.Write(data)))
		}))
	}
	if f.json != "" {
		errs = append(errs, write(f.json, func(w *os.File) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "\t")
			return e.Encode(r)
		}))
	}
	if f.json != "-" {
		errs = append(errs, r.Print(os.Stdout))
	}
	return errors.Join(errs...)
}

// volumeWorkCommand returns the command that runs in containers.
func volumeWorkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "work WORK", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var w work.Work
			if err := json.Unmarshal([]byte(args[0]), &w); err != nil {
				return err
			}
			return w.Do(cmd.Context(), os.Stdout)
		},
	}
}

// doomedCommand returns the command that launches a container and is killed.
func doomedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doomed DOOMED", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var d volume.Doomed
			if err := json.Unmarshal([]byte(args[0]), &d); err != nil {
				return err
			}
			return d.Run(cmd.Context(), os.Stdout)
		},
	}
}
