package container

import (
	"context"
	"fmt"
	"reflect"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func updateCommand(h *hostapi.Host) *cobra.Command {
	r, group := &flags.Resources{}, false
	cmd := &cobra.Command{
		Use:   "update [flags] CONTAINER...",
		Short: "Change the limits of running containers",
		Long: `Change the limits of running containers. Other limits stay unchanged. A memory limit
below the current usage is refused.`,
		Example:           "  mctr update --memory 512m --cpus 1.5 web\n  mctr update --group --pids-limit 500 pod",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	r.Register(cmd.Flags())
	cmd.Flags().BoolVar(&group, "group", false, "change the limits that a root shares with all containers nested in it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var wanted mctr.ContainerConfig
		if err := r.Fill(&wanted); err != nil {
			return err
		}
		if reflect.DeepEqual(wanted.Resources, mctr.Resources{}) {
			return fmt.Errorf("%w: no limit given: see mctr update --help", mctr.ErrInvalid)
		}
		return eachContainer(h, cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			if group {
				return c.UpdateGroup(ctx, id, wanted.Resources)
			}
			return c.Update(ctx, id, wanted.Resources)
		})
	}
	return cmd
}
