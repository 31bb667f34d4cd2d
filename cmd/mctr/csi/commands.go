// Package csi has the commands of mctr for plugins of the Container Storage Interface. Their volumes are
// named volumes, with the driver csi. The package creates nothing itself; package csi registers plugins,
// and mctr-csi calls them.
package csi

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi/volumes"
	"github.com/mctr/mctr/internal/commandline"
)

// Command returns the command csi with its subcommands.
func Command(h *hostapi.Host) *cobra.Command {
	plugin := commandline.Group("plugin", "Register, show and remove CSI plugins",
		addCommand(h), lsCommand(h), inspectCommand(h), rmCommand(h))
	plugin.Long = `Register, show and remove CSI plugins: those that listen on a socket already, and those that mctr
runs in containers.`
	plugin.Example = "  mctr csi plugin add rbd.csi.ceph.com --endpoint unix:///run/rbd/csi.sock\n  mctr csi plugin ls"
	cmd := commandline.Group("csi", "Register and show plugins of the Container Storage Interface", plugin,
		nodeCommand(h))
	cmd.Long = `Register and show plugins of the Container Storage Interface (CSI). A volume of a plugin is a
named volume with the driver csi; docs/csi.md shows its options.`
	cmd.Example = "  mctr csi plugin add rbd.csi.ceph.com --endpoint unix:///run/rbd/csi.sock\n" +
		"  mctr volume create -d csi -o plugin=rbd.csi.ceph.com --size 10g data\n" +
		"  mctr run --rm -v data:/data debian touch /data/x"
	return cmd
}

// driver returns the volumes of CSI plugins of this host.
func driver(h *hostapi.Host) (*volumes.Driver, error) {
	if err := h.RequireLocalBecause(h.Verb, "plugins are registered on their host"); err != nil {
		return nil, err
	}
	return h.Local.CSI(), nil
}
