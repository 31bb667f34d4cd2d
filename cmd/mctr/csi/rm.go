package csi

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi/volumes"
)

func rmCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "rm PLUGIN...", Aliases: []string{"remove"}, Short: "Remove CSI plugins without volumes",
		Args: cobra.MinimumNArgs(1),
		Long: "Forget CSI plugins, and remove the containers of those that mctr runs. It fails for a plugin of\n" +
			"which this host has volumes, whether the plugin or the operator has made them.",
		Example: "  mctr csi plugin rm rbd.csi.ceph.com", ValidArgsFunction: h.CompletePlugins,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := driver(h)
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				if err := removePlugin(cmd.Context(), h, d, name); err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintln(os.Stdout, name)
			}
			return errors.Join(errs...)
		},
	}
}

// removePlugin removes a plugin without volumes, and its container.
func removePlugin(ctx context.Context, h *hostapi.Host, d *volumes.Driver, name string) error {
	r, err := d.Plugins.Get(name)
	if err == nil {
		err = d.Plugins.CheckUnused(name, d.Store)
	}
	if err != nil {
		return err
	}
	if r.Container != "" {
		containers, err := h.APIForChange(ctx)
		if err != nil {
			return err
		}
		if err := containers.Remove(ctx, r.Container, true); err != nil && !errors.Is(err, mctr.ErrNotFound) {
			return err
		}
	}
	return d.Plugins.Remove(name)
}
