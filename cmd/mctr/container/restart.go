package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func restartCommand(h *hostapi.Host) *cobra.Command {
	var seconds int
	var sig string
	cmd := &cobra.Command{
		Use:   "restart [flags] CONTAINER...",
		Short: "Stop containers and start them again",
		Long: `Stop containers as the command stop does, if they are running, and start them again
with the same image, files, sandbox and log.`,
		Example:           "  mctr restart -t 30 web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	cmd.Flags().IntVarP(&seconds, "time", "t", 0,
		"seconds until SIGKILL (default: --stop-timeout of the container, or 10; -1: never)")
	cmd.Flags().StringVarP(&sig, "signal", "s", "", "signal to send first (default: the stop signal of the container)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		timeout := stopTime(seconds, cmd.Flags().Changed("time"))
		return eachContainer(h, cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			if err := stop(ctx, c, id, sig, timeout); err != nil {
				return err
			}
			return startDetached(ctx, c, id)
		})
	}
	return cmd
}
