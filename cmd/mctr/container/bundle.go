package container

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func bundleCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:               "bundle CONTAINER DIR",
		Short:             "Write a container as an OCI bundle for any runtime",
		Example:           "  mctr bundle web /tmp/web && runc run --bundle /tmp/web web2",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := h.Container(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.Export(cmd.Context(), id, args[1])
		},
	}
}
