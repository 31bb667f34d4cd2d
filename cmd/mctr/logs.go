package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/visible"
	"github.com/mctr/mctr/logs"
)

// logsOptions are the flags of logs.
type logsOptions struct {
	follow, timestamps, details bool
	since, until, tail          string
}

func (a *app) logsCommand() *cobra.Command {
	o := &logsOptions{}
	cmd := &cobra.Command{
		Use:               "logs [flags] CONTAINER",
		Short:             "Show what a container printed: stdout to stdout, stderr to stderr",
		Example:           "  mctr logs --tail 100 -f web\n  mctr logs --since 10m web 2>/dev/null",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeContainers,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.logs(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on until the container has ended")
	f.BoolVarP(&o.timestamps, "timestamps", "t", false, "the time before each line")
	f.BoolVar(&o.details, "details", false, "the container's labels before each line")
	f.StringVar(&o.since, "since", "",
		"from this `TIME` on: RFC 3339, seconds of the epoch, or 10m for ten minutes ago")
	f.StringVar(&o.until, "until", "", "before this `TIME`")
	f.StringVarP(&o.tail, "tail", "n", "all", "only so many of the last lines")
	return cmd
}

func (a *app) logs(ctx context.Context, ref string, o *logsOptions) error {
	ro, err := o.read(time.Now())
	if err != nil {
		return err
	}
	c, id, err := a.apiForContainer(ctx, ref)
	if err != nil {
		return err
	}
	status, err := c.Status(ctx, id)
	if err != nil {
		return err
	}
	ctx, stop := until(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	p := &linePrinter{timestamps: o.timestamps}
	if o.details {
		p.details = visible.Line(joinLabels(status.Config.Labels))
	}
	err = c.Logs(ctx, id, ro, p.print)
	if ctx.Err() != nil {
		return exitStatus{code: 128 + int(unix.SIGINT)}
	}
	return err
}

func (o *logsOptions) read(now time.Time) (ro logs.ReadOptions, err error) {
	ro = logs.ReadOptions{Follow: o.follow, Tail: -1}
	if o.tail != "all" {
		if ro.Tail, err = strconv.Atoi(o.tail); err != nil {
			return ro, fmt.Errorf("%w: --tail %s: want a number, or all", mctr.ErrInvalid, o.tail)
		}
	}
	if ro.Since, err = parseTime("--since", o.since, now); err != nil {
		return ro, err
	}
	ro.Until, err = parseTime("--until", o.until, now)
	return ro, err
}

// parseTime reads docker's forms of a time; zero for "".
func parseTime(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, ok := parseEpoch(s); ok { // 0 is a duration too
		return t, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s %s: want RFC 3339, seconds of the epoch, or a duration as 10m",
		mctr.ErrInvalid, flag, s)
}

// parseEpoch reads SECONDS[.FRACTION] to the nanosecond, which no float64 holds.
func parseEpoch(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanos, nanosErr := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil || nanosErr != nil || strings.Trim(fraction, "0123456789") != "" || seconds < 0 ||
		seconds > maxEpoch {
		return time.Time{}, false
	}
	return time.Unix(seconds, int64(nanos)), true
}

// maxEpoch is the year 9999's end: later times have no RFC 3339 form.
const maxEpoch = 253402300799

// missing says what a gap in a log is.
func missing(e logs.Entry) string {
	if e.Removed > 0 {
		return fmt.Sprintf(
			"%s of older output are missing: rotation removed them (see --log-opt max-size and max-file)",
			units.BytesSize(float64(e.Removed)))
	}
	return "entries are missing here: they were rotated away before they could be read"
}

// A linePrinter writes log entries where they came from.
type linePrinter struct {
	timestamps bool
	details    string
	inLine     [4]bool // by stream: the next entry continues a line
}

func (p *linePrinter) print(e logs.Entry) error {
	to := io.Writer(os.Stdout)
	if e.Stream == logs.Stderr {
		to = os.Stderr
	}
	if e.Gap {
		fmt.Fprintln(os.Stderr, "mctr:", missing(e))
		return nil
	}
	line := make([]byte, 0, len(e.Text)+64)
	if !p.inLine[e.Stream&3] {
		if p.timestamps && !e.Time.IsZero() {
			line = append(e.Time.UTC().AppendFormat(line, time.RFC3339Nano), ' ')
		}
		if p.details != "" {
			line = append(append(line, p.details...), ' ')
		}
	}
	line = append(line, e.Text...)
	if p.inLine[e.Stream&3] = e.Partial; !e.Partial {
		line = append(line, '\n')
	}
	_, err := to.Write(line)
	return err
}
