package container

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/internal/visible"
	"github.com/mctr/mctr/logs"
)

// logsOptions are the flags of logs.
type logsOptions struct {
	follow, timestamps, details bool
	since, until, tail          string
}

func logsCommand(h *hostapi.Host) *cobra.Command {
	o := &logsOptions{}
	cmd := &cobra.Command{
		Use:               "logs [flags] CONTAINER",
		Short:             "Print the log of a container: stdout to stdout, stderr to stderr",
		Example:           "  mctr logs --tail 100 -f web\n  mctr logs --since 10m web 2>/dev/null",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return showLogs(cmd.Context(), h, args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "continue until the container has exited")
	f.BoolVarP(&o.timestamps, "timestamps", "t", false, "print the time before each line")
	f.BoolVar(&o.details, "details", false, "print the labels of the container before each line")
	f.StringVar(&o.since, "since", "",
		"only lines since `TIME`: RFC 3339, seconds since 1970, or 10m for ten minutes ago")
	f.StringVar(&o.until, "until", "", "only lines before `TIME`")
	f.StringVarP(&o.tail, "tail", "n", "all", "number of last lines, or all")
	return cmd
}

func showLogs(ctx context.Context, h *hostapi.Host, ref string, o *logsOptions) error {
	ro, err := o.read(time.Now())
	if err != nil {
		return err
	}
	c, status, err := h.APIForStatus(ctx, ref)
	if err != nil {
		return err
	}
	ctx, stop := session.Until(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	p := &linePrinter{timestamps: o.timestamps}
	if o.details {
		p.details = visible.Line(format.JoinLabels(status.Config.Labels))
	}
	err = c.Logs(ctx, status.ID, ro, p.print)
	if ctx.Err() != nil {
		return exit.Status{Code: 128 + int(unix.SIGINT)}
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
	if ro.Since, err = flags.ParseTime("--since", o.since, now); err != nil {
		return ro, err
	}
	ro.Until, err = flags.ParseTime("--until", o.until, now)
	return ro, err
}

// missing returns the message about a gap in a log.
func missing(e logs.Entry) string {
	if e.Removed > 0 {
		return fmt.Sprintf(
			"%s of older output are missing: log rotation removed them (see --log-opt max-size and max-file)",
			units.BytesSize(float64(e.Removed)))
	}
	return "entries are missing here: log rotation removed them before they could be read"
}

// A linePrinter writes the log entries of stdout to stdout and those of stderr to stderr.
type linePrinter struct {
	timestamps bool
	details    string
	inLine     [4]bool // by stream: the next entry continues an unfinished line
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
