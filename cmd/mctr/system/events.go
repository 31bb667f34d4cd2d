package system

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/internal/visible"
)

// eventOptions are the flags of events.
type eventOptions struct {
	since, until string
	format       string
	asJSON       bool
	noFollow     bool
	after        uint64
	filters      []string
}

func eventsCommand(h *hostapi.Host) *cobra.Command {
	o := &eventOptions{}
	cmd := &cobra.Command{
		Use:   "events [flags]",
		Short: "Show events of containers, whichever process causes them",
		Long: `Show events of containers as they happen, whichever process causes them: create,
start, exec_start, kill, pause, unpause, update, rename, health_status,
ready_status, oom, die, start_failed, destroy. With --since, also show past
events; about the last 5,000 events since boot are kept. If events are missing,
because they are no longer kept or the reader is too slow, a gap event is shown.`,
		Example: `  mctr events --filter event=die --filter event=oom
  mctr events --since 10m --no-follow --json
  mctr events --after 1764374400000123 --json`,
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error { return showEvents(cmd.Context(), h, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "",
		"only events since `TIME`: RFC 3339, seconds since 1970, or 10m for ten minutes ago (default: now)")
	f.StringVar(&o.until, "until", "", "exit at `TIME`")
	f.Uint64Var(&o.after, "after", 0,
		"only events after the one with this `CURSOR`, which --json prints; shows a gap if some are no longer kept")
	f.StringArrayVarP(&o.filters, "filter", "f", nil,
		"`KEY=VALUE`: event, container, name, image, owner; several values of a key are alternatives")
	f.StringVar(&o.format, "format", "", "Go template for an event, or json")
	f.BoolVar(&o.asJSON, "json", false, "one JSON object per line")
	f.BoolVar(&o.noFollow, "no-follow", false, "exit after the events that are kept")
	return cmd
}

func showEvents(ctx context.Context, h *hostapi.Host, o *eventOptions) error {
	now := time.Now()
	since, until, err := o.window(now)
	if err != nil {
		return err
	}
	show, err := o.printer()
	if err != nil {
		return err
	}
	wanted, err := eventFilter(o.filters)
	if err != nil {
		return err
	}
	c, err := h.API(ctx)
	if err != nil {
		return err
	}
	ctx, stop := session.Interruptible(ctx)
	defer stop()
	follow := !o.noFollow && (until.IsZero() || until.After(now))
	if follow && !until.IsZero() {
		bounded, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		ctx = bounded
	}
	for e, err := range c.Events(ctx, mctr.EventOptions{Follow: follow, After: o.after}) {
		if err != nil {
			return err
		}
		if e.Time.Before(since) || !until.IsZero() && e.Time.After(until) || !wanted(e) {
			continue
		}
		if err := show(e); err != nil {
			return err
		}
	}
	return nil
}

// window returns the times of --since and --until. Without --since it excludes past events, unless the
// command does not wait for new ones.
func (o *eventOptions) window(now time.Time) (since, until time.Time, err error) {
	if since, err = flags.ParseTime("--since", o.since, now); err != nil {
		return since, until, err
	}
	if o.since == "" && o.after == 0 && !o.noFollow {
		since = now
	}
	until, err = flags.ParseTime("--until", o.until, now)
	return since, until, err
}

func (o *eventOptions) printer() (func(mctr.Event) error, error) {
	if o.asJSON || o.format == "json" {
		enc := json.NewEncoder(format.Stdout)
		return func(e mctr.Event) error { return enc.Encode(e) }, nil
	}
	if o.format != "" {
		t, err := format.ParseTemplate(o.format)
		if err != nil {
			return nil, err
		}
		return func(e mctr.Event) error {
			line, err := format.Execute(t, e)
			if err == nil {
				_, err = fmt.Fprintf(format.Stdout, "%s\n", line)
			}
			return err
		}, nil
	}
	return func(e mctr.Event) error {
		_, err := fmt.Fprintln(format.Stdout, e.Time.Local().Format(time.RFC3339Nano), e.Action, e.ID,
			visible.Line(attributesText(e.Attributes)))
		return err
	}, nil
}

func attributesText(attributes map[string]string) string {
	var parts []string
	for key, value := range attributes {
		parts = append(parts, key+"="+value)
	}
	slices.Sort(parts)
	return "(" + strings.Join(parts, ", ") + ")"
}

// eventFilter reads KEY=VALUE filters. An event passes if, for every key, it matches one of the values.
func eventFilter(filters []string) (func(mctr.Event) bool, error) {
	values := map[string][]string{}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok || !slices.Contains([]string{"event", "container", "name", "image", "owner"}, key) {
			return nil, fmt.Errorf("%w: --filter %s: want event=, container=, name=, image= or owner=", mctr.ErrInvalid,
				f)
		}
		values[key] = append(values[key], value)
	}
	return func(e mctr.Event) bool {
		if e.Action == mctr.EventGap {
			return true // the missing events might have passed
		}
		for key, allowed := range values {
			if !slices.ContainsFunc(allowed, func(v string) bool { return eventHas(e, key, v) }) {
				return false
			}
		}
		return true
	}, nil
}

func eventHas(e mctr.Event, key, value string) bool {
	switch key {
	case "event":
		return e.Action == value
	case "container":
		return e.Attributes["name"] == value || strings.HasPrefix(string(e.ID), value)
	}
	return e.Attributes[key] == value
}
