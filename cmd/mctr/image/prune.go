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
		Short: "Remove what the store does not need",
		Long: "Remove layers and files that no image refers to. With --all, also the images that\n" +
			"no container uses; with --containers, first the containers that have ended.",
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
	cmd.Flags().BoolVarP(&all, "all", "a", false, "images that no container uses, too")
	cmd.Flags().BoolVar(&containers, "containers", false, "containers that have ended, too")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would go")
	return cmd
}
