package csi

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi"
)

// details is a plugin as it is registered, and as it describes itself.
type details struct {
	csi.Registration
	Info *csi.Info
}

func inspectCommand(h *hostapi.Host) *cobra.Command {
	var layout string
	cmd := &cobra.Command{
		Use: "inspect [flags] PLUGIN...", Short: "Show what CSI plugins are and can", Args: cobra.MinimumNArgs(1),
		Long: "Ask CSI plugins for their versions, capabilities, node and topology, and show these. It fails\n" +
			"for a plugin that does not answer.",
		Example: "  mctr csi plugin inspect rbd.csi.ceph.com\n" +
			"  mctr csi plugin inspect -f '{{.Info.Version}} {{.Info.Features}}' rbd.csi.ceph.com",
		ValidArgsFunction: h.CompletePlugins,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := driver(h)
			if err != nil {
				return err
			}
			return format.Inspect(args, layout, func(name string) (*details, error) {
				r, err := d.Plugins.Get(name)
				if err != nil {
					return nil, err
				}
				info, err := d.Probe(cmd.Context(), r.Plugin)
				return &details{Registration: *r, Info: info}, err
			})
		},
	}
	cmd.Flags().StringVarP(&layout, "format", "f", "", "json or a Go template")
	return cmd
}
