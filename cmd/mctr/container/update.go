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
		Long: `Change the limits of running containers. What is not given stays as it is. A
memory limit below what is in use is refused.`,
		Example:           "  mctr update --memory 512m --cpus 1.5 web\n  mctr update --group --pids-limit 500 pod",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	r.Register(cmd.Flags())
	cmd.Flags().BoolVar(&group, "group", false, "those of a root and all that is nested in it, together")
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
