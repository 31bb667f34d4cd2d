package csi

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi"
)

func addCommand(h *hostapi.Host) *cobra.Command {
	var endpoint string
	cmd := &cobra.Command{
		Use: "add [flags] PLUGIN", Short: "Register a CSI plugin that listens on a socket", Args: cobra.ExactArgs(1),
		Long: `Register a CSI plugin that listens on a socket of this host, and print its name, which must be
the one that the plugin itself has. The plugin's mounts must reach the host. A plugin that is
registered already is found at the new socket from now on.`,
		Example:           "  mctr csi plugin add rbd.csi.ceph.com --endpoint unix:///run/rbd/csi.sock",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			socket, ok := strings.CutPrefix(endpoint, "unix://")
			if !ok {
				return fmt.Errorf("%w: --endpoint %q: want unix:///PATH.sock", mctr.ErrInvalid, endpoint)
			}
			d, err := driver(h)
			if err != nil {
				return err
			}
			plugin := csi.Plugin{Name: args[0], Socket: socket}
			if err := plugin.Validate(); err != nil {
				return err
			}
			if _, err := d.Probe(cmd.Context(), plugin); err != nil {
				return fmt.Errorf("probe plugin %s: %w", plugin.Name, err)
			}
			if err := d.Plugins.Add(plugin); err != nil {
				return err
			}
			fmt.Fprintln(os.Stdout, plugin.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "`unix:///PATH.sock` on which the plugin listens")
	_ = cmd.MarkFlagRequired("endpoint")
	return cmd
}
