package image

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
)

func rmiCommand(h *hostapi.Host) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "rmi [flags] IMAGE...",
		Short: "Remove images from the store",
		Long: `Take names off images, and remove what has no name left. An image that is named by
the start of its id loses all its names; they must be of one repository, or --force
given.`,
		Example:           "  mctr rmi alpine",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := h.ImageAPI()
			if err != nil {
				return err
			}
			var errs []error
			for _, ref := range args {
				report, err := store.Remove(cmd.Context(), ref, force)
				prune.PrintReport(report)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "also one that containers use: its layers go with them")
	return cmd
}
