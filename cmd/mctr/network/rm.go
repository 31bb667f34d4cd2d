package network

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func rmCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "rm NETWORK...", Aliases: []string{"remove"}, Short: "Remove networks without attached containers",
		Args: cobra.MinimumNArgs(1),
		Long: "Remove networks that mctr created, with their interfaces on the host. It fails for a\n" +
			"network with attached containers.",
		Example: "  mctr network rm blue", ValidArgsFunction: h.CompleteMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error { return remove(cmd.Context(), h, args) },
	}
}

func remove(ctx context.Context, h *hostapi.Host, names []string) error {
	return eachNetwork(h, names, func(networks agent.Networks, name string) error { return networks.Remove(ctx, name) })
}
