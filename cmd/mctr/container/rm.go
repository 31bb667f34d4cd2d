package container

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
)

func rmCommand(h *hostapi.Host) *cobra.Command {
	var force, all bool
	cmd := &cobra.Command{
		Use:               "rm [flags] CONTAINER...",
		Short:             "Remove containers that have exited, with their logs and files",
		Example:           "  mctr rm web\n  mctr rm -f $(mctr ps -aq)",
		ValidArgsFunction: h.CompleteContainers,
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "kill a running container first")
	cmd.Flags().BoolP("volumes", "v", true,
		"accepted for compatibility with docker: volumes of the container are always removed")
	cmd.Flags().BoolVarP(&all, "all", "a", false,
		"remove all containers that have exited; with --force, all containers")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !all && len(args) == 0 {
			return fmt.Errorf("%w: no container given", mctr.ErrInvalid)
		}
		if all {
			if err := prune.RemoveEnded(cmd.Context(), h, force); err != nil || len(args) == 0 {
				return err
			}
		}
		return eachContainer(h, cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Remove(ctx, id, force)
		})
	}
	return cmd
}
