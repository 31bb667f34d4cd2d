package system

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/containerizer"
)

// Internal is what mctr's own programs call.
func Internal(h *hostapi.Host) *cobra.Command {
	cmd := &cobra.Command{Use: "internal", Hidden: true, Short: "For mctr's own programs"}
	cmd.AddCommand(
		exitCommandOf(h, "cleanup ID",
			"Release a container that has exited, and follow its restart policy: a shim's exit command",
			(*containerizer.Containerizer).Exited),
		exitCommandOf(h, "restart ID", "The same as cleanup: shims of earlier builds run it",
			(*containerizer.Containerizer).Exited),
		exitCommandOf(h, "watch ID",
			"Probe a container until it exits: what a shim runs beside a container that no process watches",
			(*containerizer.Containerizer).Watch),
	)
	return cmd
}

func exitCommandOf(h *hostapi.Host, use, short string,
	do func(*containerizer.Containerizer, context.Context, mctr.ContainerID) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := h.Containers(cmd.Context())
			if err != nil {
				return err
			}
			return do(c, context.WithoutCancel(cmd.Context()), mctr.ContainerID(args[0]))
		},
	}
}
