package container

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// psOptions are the flags of ps.
type psOptions struct {
	format.List
	all, latest, size bool
	last              int
	filters           []string
}

func psCommand(h *hostapi.Host) *cobra.Command {
	o := &psOptions{}
	cmd := &cobra.Command{
		Use:     "ps [flags]",
		Aliases: []string{"ls", "list"},
		Short:   "List containers",
		Example: "  mctr ps -a\n  mctr ps -aq --filter status=exited\n  mctr ps --format '{{.ID}} {{.Status}}'",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := h.API(cmd.Context())
			if err != nil {
				return err
			}
			return ps(cmd.Context(), h, c, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.all, "all", "a", false, "show all containers, not only running ones")
	o.RegisterQuiet(f)
	o.Register(f, "ids and commands")
	f.BoolVarP(&o.latest, "latest", "l", false, "show only the newest container, running or not")
	f.IntVarP(&o.last, "last", "n", -1, "show only this number of newest containers, running or not")
	f.BoolVarP(&o.size, "size", "s", false, "show the size of the files that each has written")
	f.StringArrayVarP(&o.filters, "filter", "f", nil,
		"`KEY=VALUE`: id, name, label, status, health, ancestor, exited, before, since, network, volume")
	return cmd
}

func ps(ctx context.Context, h *hostapi.Host, c agent.Containers, o *psOptions) error {
	list, err := h.Statuses(ctx, c)
	if err != nil {
		return err
	}
	if list, err = o.choose(list); err != nil {
		return err
	}
	rows := make([]format.ContainerRow, len(list))
	for i, s := range list {
		rows[i] = format.NewContainerRow(s, o.NoTrunc)
		if !o.size {
			continue
		}
		usage, err := c.DiskUsage(ctx, s.ID)
		if err != nil && !errors.Is(err, mctr.ErrNotFound) { // it may be removed meanwhile
			return err
		}
		rows[i].Size = units.HumanSize(float64(usage.Written))
	}
	columns := []string{"CONTAINER ID={{.ID}}", "IMAGE={{.Image}}", "COMMAND={{.Command}}", "CREATED={{.RunningFor}}",
		"STATUS={{.Status}}", "PORTS={{.Ports}}", "NAMES={{.Names}}"}
	if o.size {
		columns = append(columns, "SIZE={{.Size}}")
	}
	return o.Print(format.Rows(rows), columns)
}

func (o *psOptions) choose(list []*mctr.Status) ([]*mctr.Status, error) {
	keep, err := parseFilters(o.filters, slices.Clone(list)) // the filters need the whole list while list is shortened
	if err != nil {
		return nil, err
	}
	byState := slices.ContainsFunc(o.filters, func(f string) bool {
		return strings.HasPrefix(f, "status=") || strings.HasPrefix(f, "exited=")
	})
	all := o.all || o.latest || o.last >= 0 || byState
	list = slices.DeleteFunc(list, func(s *mctr.Status) bool {
		return !keep(s) ||
			!all && !s.Restarting && s.Phase != mctr.Running && s.Phase != mctr.Paused && s.Phase != mctr.Lost &&
				s.Phase != mctr.Damaged && (s.Phase != mctr.Exited || s.Cleaned)
	})
	if o.latest {
		o.last = 1
	}
	if o.last >= 0 {
		list = list[:min(o.last, len(list))]
	}
	return list, nil
}
