package image

import (
	"fmt"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/provisioner"
)

func pruneCommand(h *hostapi.Host) *cobra.Command {
	var all, dryRun, containers bool
	cmd := &cobra.Command{
		Use:   "prune [flags]",
		Short: "Remove unused layers and files from the store",
		Long: "Remove layers and files that no image refers to. With --all, also remove images that\n" +
			"no container uses; with --containers, first remove containers that have exited.",
		Example: `  mctr prune --dry-run
  mctr prune --all`,
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if containers && !dryRun {
				if err := prune.RemoveEnded(cmd.Context(), h, false); err != nil {
					return err
				}
			}
			store, err := h.ImageAPI()
			if err != nil {
				return err
			}
			report, err := store.Prune(cmd.Context(), provisioner.PruneOptions{All: all, DryRun: dryRun})
			prune.PrintReport(report)
			fmt.Printf("Total reclaimed space: %s\n", units.HumanSize(float64(report.Bytes)))
			return err
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also remove images that no container uses")
	cmd.Flags().BoolVar(&containers, "containers", false, "also remove containers that have exited")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would be removed")
	return cmd
}
