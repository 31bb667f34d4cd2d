package network

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func gcCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "gc NETWORK...", Short: "Have plugins drop what no container accounts for", Args: cobra.MinimumNArgs(1),
		Long: `Ask the plugins of networks for GC (CNI 1.1.0), which is to drop addresses and
rules that no attachment of this --root accounts for; the reference plugins up to
1.9 drop none by themselves. It is done to networks that mctr made, and to others
whose list allows it by "mctr": {"gc": true}, since it would take the addresses of
others that use the same store.`,
		Example: "  mctr network gc bridge", ValidArgsFunction: h.CompleteMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachNetwork(h, args, func(networks agent.Networks, name string) error {
				return networks.GC(cmd.Context(), name)
			})
		},
	}
}
