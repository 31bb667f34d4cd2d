// Package network has the commands of mctr for networks. The commands policy, pool and profile run
// mctr-calico. The package creates nothing itself; package cni or the agent creates networks.
package network

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/internal/commandline"
)

// Command returns the command network with its subcommands.
func Command(h *hostapi.Host) *cobra.Command {
	cmd := commandline.Group("network", "Create, show and remove networks",
		createCommand(h), lsCommand(h), inspectCommand(h), rmCommand(h),
		pruneCommand(h), checkCommand(h), gcCommand(h))
	cmd.AddCommand(calicoCommands(h)...)
	cmd.Long = `Create, show and remove networks. A network is a CNI configuration list. Networks
that mctr creates are below --root, others in /etc/cni/net.d. The default network,
bridge, is created for the first container that needs it.`
	cmd.Example = "  mctr network create --subnet 10.9.0.0/24 blue\n  mctr network ls\n" +
		"  mctr run --network blue:ip=10.9.0.7 debian ip address"
	return cmd
}
