// Package network has the commands of mctr for networks, of which policy, pool and profile are
// mctr-calico's. It creates nothing; networks are package cni's or the agent's.
package network

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/internal/commandline"
)

// Command has the verbs for networks.
func Command(h *hostapi.Host) *cobra.Command {
	cmd := commandline.Group("network", "Make, show and remove networks",
		createCommand(h), lsCommand(h), inspectCommand(h), rmCommand(h),
		pruneCommand(h), checkCommand(h), gcCommand(h))
	cmd.AddCommand(calicoCommands(h)...)
	cmd.Long = `Make, show and remove networks. A network is a CNI configuration list: those
that mctr makes lie below --root, an operator's in /etc/cni/net.d. The default
one, bridge, is made when the first container wants it.`
	cmd.Example = "  mctr network create --subnet 10.9.0.0/24 blue\n  mctr network ls\n" +
		"  mctr run --network blue:ip=10.9.0.7 debian ip address"
	return cmd
}
