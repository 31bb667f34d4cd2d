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
		Short: "End containers and start them again",
		Long: `End containers as stop does, if they run, and start them again: with the same
image, files, sandbox and log.`,
		Example:           "  mctr restart -t 30 web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	cmd.Flags().IntVarP(&seconds, "time", "t", 0,
		"seconds before SIGKILL (default: the container's --stop-timeout, or 10; -1: for ever)")
	cmd.Flags().StringVarP(&sig, "signal", "s", "", "what to send first (default: the container's stop signal)")
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
