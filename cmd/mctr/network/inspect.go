package network

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cni"
)

func inspectCommand(h *hostapi.Host) *cobra.Command {
	var layout string
	cmd := &cobra.Command{
		Use: "inspect [flags] NETWORK...", Short: "Show the details of networks, with the attached containers",
		Args:              cobra.MinimumNArgs(1),
		Example:           "  mctr network inspect bridge\n  mctr network inspect -f '{{.Definition.Subnets}}' bridge",
		ValidArgsFunction: h.CompleteMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error {
			networks, err := h.NetworkAPI()
			if err != nil {
				return err
			}
			return format.Inspect(args, layout, func(name string) (*cni.Details, error) {
				return networks.Inspect(cmd.Context(), name)
			})
		},
	}
	cmd.Flags().StringVarP(&layout, "format", "f", "", "json or a Go template")
	return cmd
}
