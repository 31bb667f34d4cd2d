package csi

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/volumes"
)

// addFlags has the values of the flags of add.
type addFlags struct {
	endpoint, image  string
	command          bool
	environ, volumes []string
}

func addCommand(h *hostapi.Host) *cobra.Command {
	f := &addFlags{}
	cmd := &cobra.Command{
		Use:   "add [flags] PLUGIN [COMMAND [ARG...]]",
		Short: "Register a CSI plugin, and run it if it does not run yet", Args: cobra.MinimumNArgs(1),
		Long: `Register a CSI plugin, and print its name, which must be the one that the plugin itself has.

With --endpoint the plugin listens on a socket of this host already, and its mounts must reach
the host. A plugin that is registered already is found at the new socket from now on.

With --image or --command mctr runs the plugin in a container called csi-PLUGIN: privileged, in
the host's network, with /dev and mctr's directory of volumes, and started again whenever it
exits. CSI_ENDPOINT in its environment says where to listen. What it mounts for volumes outlives
it. The container's name serves mctr logs and the like.`,
		Example: "  mctr csi plugin add rbd.csi.ceph.com --endpoint unix:///run/rbd/csi.sock\n" +
			"  mctr csi plugin add nfs.csi.k8s.io --image example.com/nfsplugin \\\n" +
			"    -- --endpoint=unix:///var/lib/mctr/csi/sockets/nfs.csi.k8s.io/csi.sock",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return add(cmd.Context(), h, f, args) },
	}
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "`unix:///PATH.sock` on which the plugin listens")
	cmd.Flags().StringVar(&f.image, "image", "", "`IMAGE` of the plugin, which mctr runs")
	cmd.Flags().BoolVar(&f.command, "command", false, "COMMAND is a program of this host, which mctr runs")
	cmd.Flags().StringArrayVarP(&f.environ, "env", "e", nil, "`KEY=VALUE` in the environment of the plugin")
	cmd.Flags().StringArrayVarP(&f.volumes, "volume", "v", nil,
		"`DIR[:TARGET]` of this host in the container of the plugin")
	cmd.MarkFlagsOneRequired("endpoint", "image", "command")
	cmd.MarkFlagsMutuallyExclusive("endpoint", "image", "command")
	return cmd
}

func add(ctx context.Context, h *hostapi.Host, f *addFlags, args []string) error {
	d, err := driver(h)
	if err != nil {
		return err
	}
	name := args[0]
	if f.endpoint == "" {
		err = runPlugin(ctx, h, d, f, name, args[1:])
	} else {
		err = register(ctx, d, name, f, args[1:])
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, name)
	return nil
}

// register registers a plugin that listens on the endpoint.
func register(ctx context.Context, d *volumes.Driver, name string, f *addFlags, command []string) error {
	socket, ok := strings.CutPrefix(f.endpoint, "unix://")
	switch {
	case !ok:
		return fmt.Errorf("%w: --endpoint %q: want unix:///PATH.sock", mctr.ErrInvalid, f.endpoint)
	case len(command) > 0 || len(f.environ) > 0 || len(f.volumes) > 0:
		return fmt.Errorf("%w: --env, --volume and COMMAND are for a plugin that mctr runs", mctr.ErrInvalid)
	}
	plugin := csi.Plugin{Name: name, Socket: socket}
	if err := plugin.Validate(); err != nil {
		return err
	}
	if _, err := d.Probe(ctx, plugin); err != nil {
		return fmt.Errorf("probe plugin %s: %w", name, err)
	}
	return d.Plugins.Add(csi.Registration{Plugin: plugin})
}
