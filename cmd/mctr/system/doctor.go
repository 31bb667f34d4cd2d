package system

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/internal/doctor"
)

func doctorCommand(h *hostapi.Host) *cobra.Command {
	var format string
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what this host can do for containers, with remedies",
		Long: `Check what this host can do for containers, and print a remedy for each gap: kernel,
control groups, namespaces, filesystems, privileges, programs and their builds,
plugins, GPUs. If something is missing, some flags are refused. If something is
broken, mctr does not work, and the exit code is 1.`,
		Example: "  mctr doctor\n  mctr doctor --json",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				format = "json"
			}
			return examine(cmd.Context(), h, format, all || format != "")
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "table, json, or a Go template for a finding")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also print what works")
	return cmd
}

func examine(ctx context.Context, h *hostapi.Host, layout string, all bool) error {
	host, err := h.HostAPI()
	if err != nil {
		return err
	}
	found, err := host.Examine(ctx)
	if err != nil {
		return err
	}
	var rows []any
	for _, f := range found {
		if all || f.State != mctr.FindingOK {
			rows = append(rows, f)
		}
	}
	t := format.Table{Format: layout,
		Columns: []string{"AREA={{.Area}}", "WHAT={{.What}}", "STATE={{.State}}", "DETAIL={{.Detail}}",
			"REMEDY={{.Remedy}}"}}
	if err := t.Print(os.Stdout, rows); err != nil {
		return err
	}
	if !doctor.Works(found) {
		return exit.Status{Code: 1,
			Err: errors.New("something that mctr cannot do without is broken on this host: see above")}
	}
	return nil
}
