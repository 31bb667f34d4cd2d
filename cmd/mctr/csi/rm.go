package csi

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func rmCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "rm PLUGIN...", Aliases: []string{"remove"}, Short: "Remove CSI plugins without volumes",
		Args: cobra.MinimumNArgs(1),
		Long: "Forget CSI plugins. The plugins themselves go on. It fails for a plugin of which this host has\n" +
			"volumes, whether the plugin or the operator has made them.",
		Example: "  mctr csi plugin rm rbd.csi.ceph.com", ValidArgsFunction: h.CompletePlugins,
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := driver(h)
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				if err := d.Plugins.Remove(name, d.Store); err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintln(os.Stdout, name)
			}
			return errors.Join(errs...)
		},
	}
}
