package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func pauseCommand(h *hostapi.Host) *cobra.Command {
	return simpleCommand(h, "pause", "Freeze the processes of containers",
		func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Pause(ctx, id)
		})
}

func unpauseCommand(h *hostapi.Host) *cobra.Command {
	return simpleCommand(h, "unpause", "Resume the processes of paused containers",
		func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Resume(ctx, id)
		})
}

// simpleCommand returns a command without flags that calls do for each named container.
func simpleCommand(h *hostapi.Host, name, short string, do verb) *cobra.Command {
	return &cobra.Command{
		Use:               name + " CONTAINER...",
		Short:             short,
		Example:           "  mctr " + name + " web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE:              func(cmd *cobra.Command, args []string) error { return eachContainer(h, cmd, args, do) },
	}
}
