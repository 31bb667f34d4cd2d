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
		Long: `Remove names of images, and remove an image when it has no name left. If an image is
given by the start of its id, all its names are removed; if they are in more than one
repository, --force is needed.`,
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
	cmd.Flags().BoolVarP(&force, "force", "f", false,
		"also remove an image in use; its layers are removed with the last container")
	return cmd
}
