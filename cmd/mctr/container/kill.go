package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func killCommand(h *hostapi.Host) *cobra.Command {
	var sig string
	cmd := &cobra.Command{
		Use:   "kill [flags] CONTAINER...",
		Short: "Send a signal to containers",
		Long: `Send a signal to the first process of containers. After SIGKILL or its stop signal, a
container is not restarted by its restart policy.`,
		Example:           "  mctr kill -s HUP web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	cmd.Flags().StringVarP(&sig, "signal", "s", "KILL", "signal, such as TERM, SIGTERM or 15")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		number, err := flags.ParseSignal(sig)
		if err != nil {
			return err
		}
		return eachContainer(h, cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Kill(ctx, id, number)
		})
	}
	return cmd
}
