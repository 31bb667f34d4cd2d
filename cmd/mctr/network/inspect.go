package network

import (
	"errors"

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
			var found []*cni.Details
			var errs []error
			for _, name := range args {
				d, err := networks.Inspect(cmd.Context(), name)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				found = append(found, d)
			}
			return errors.Join(append([]error{format.Inspected(found, layout)}, errs...)...)
		},
	}
	cmd.Flags().StringVarP(&layout, "format", "f", "", "json or a Go template")
	return cmd
}
