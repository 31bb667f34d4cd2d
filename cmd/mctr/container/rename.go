package container

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func renameCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:               "rename CONTAINER NAME",
		Short:             "Rename a container",
		Example:           "  mctr rename web old-web",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := h.APIForContainer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.Rename(cmd.Context(), id, args[1])
		},
	}
}
