package image

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func tagCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
		Short: "Give an image another name",
		Long: "Give an image of the store another name. An image that had this name keeps its other\n" +
			"names.",
		Example:           "  mctr tag alpine registry.test:5000/base:1\n  mctr tag oci:./web:latest web",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: h.CompleteFirstImage,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := h.ImageAPI()
			if err != nil {
				return err
			}
			return store.Tag(cmd.Context(), args[0], args[1])
		},
	}
}
