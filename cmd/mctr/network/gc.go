package network

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func gcCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "gc NETWORK...", Short: "Release addresses and rules that belong to no container",
		Args: cobra.MinimumNArgs(1),
		Long: `Run GC (CNI 1.1.0) with the plugins of networks. It releases addresses and rules that
belong to no attachment of this --root; the reference plugins up to 1.9 release none. It
is allowed for networks that mctr created, and for others whose configuration list has
"mctr": {"gc": true}, because it would also release addresses of other programs that use
the same store.`,
		Example: "  mctr network gc bridge", ValidArgsFunction: h.CompleteMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachNetwork(h, args, func(networks agent.Networks, name string) error {
				return networks.GC(cmd.Context(), name)
			})
		},
	}
}
