package system

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/containerizer"
)

// Internal returns the hidden command for mctr's own programs.
func Internal(h *hostapi.Host) *cobra.Command {
	cmd := &cobra.Command{Use: "internal", Hidden: true, Short: "For mctr's own programs"}
	cmd.AddCommand(
		exitCommandOf(h, "cleanup ID",
			"Clean up a container that has exited, and follow its restart policy: the exit command of shims",
			(*containerizer.Containerizer).Exited),
		exitCommandOf(h, "restart ID", "The same as cleanup, for shims of earlier builds",
			(*containerizer.Containerizer).Exited),
		exitCommandOf(h, "watch ID",
			"Run the health checks of a container until it exits: run by a shim without another supervisor",
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
