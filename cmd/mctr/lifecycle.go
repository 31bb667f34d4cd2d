package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

func (a *app) pauseCommand() *cobra.Command {
	return a.simpleCommand("pause", "Freeze the processes of containers",
		func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Pause(ctx, id)
		})
}

func (a *app) unpauseCommand() *cobra.Command {
	return a.simpleCommand("unpause", "Let frozen containers go on",
		func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return c.Resume(ctx, id)
		})
}

// simpleCommand is a verb for any number of containers.
func (a *app) simpleCommand(name, short string, do verb) *cobra.Command {
	return &cobra.Command{
		Use:               name + " CONTAINER...",
		Short:             short,
		Example:           "  mctr " + name + " web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContainers,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.eachContainer(cmd, args, do) },
	}
}

func (a *app) restartCommand() *cobra.Command {
	var seconds int
	var sig string
	cmd := &cobra.Command{
		Use:   "restart [flags] CONTAINER...",
		Short: "End containers and start them again",
		Long: `End containers as stop does, if they run, and start them again: with the same
image, files, sandbox and log.`,
		Example:           "  mctr restart -t 30 web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContainers,
	}
	cmd.Flags().IntVarP(&seconds, "time", "t", 0,
		"seconds before SIGKILL (default: the container's --stop-timeout, or 10; -1: for ever)")
	cmd.Flags().StringVarP(&sig, "signal", "s", "", "what to send first (default: the container's stop signal)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := cmd.Flags().Changed("time")
		return a.eachContainer(cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			if err := a.stop(ctx, c, id, sig, seconds, given); err != nil {
				return err
			}
			return a.startDetached(ctx, c, id)
		})
	}
	return cmd
}

// stop ends a container that runs; one that does not is fine.
func (a *app) stop(ctx context.Context, c agent.Containers, id mctr.ContainerID, sig string, seconds int,
	given bool) error {
	status, err := c.Status(ctx, id)
	if err != nil {
		return err
	}
	if status.Phase == mctr.Created {
		return nil
	}
	number, err := stopSignal(sig, status)
	if err != nil {
		return err
	}
	_, err = c.Stop(ctx, id, number, stopTime(status, seconds, given))
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // it removed itself
	}
	return err
}

func (a *app) renameCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rename CONTAINER NAME",
		Short:             "Give a container another name",
		Example:           "  mctr rename web old-web",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := a.apiForContainer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.Rename(cmd.Context(), id, args[1])
		},
	}
}

func (a *app) updateCommand() *cobra.Command {
	r, group := &resourceFlags{}, false
	cmd := &cobra.Command{
		Use:   "update [flags] CONTAINER...",
		Short: "Change the limits of running containers",
		Long: `Change the limits of running containers. What is not given stays as it is. A
memory limit below what is in use is refused.`,
		Example:           "  mctr update --memory 512m --cpus 1.5 web\n  mctr update --group --pids-limit 500 pod",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeContainers,
	}
	r.register(cmd.Flags())
	cmd.Flags().BoolVar(&group, "group", false, "those of a root and all that is nested in it, together")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var wanted mctr.ContainerConfig
		if err := r.fill(&wanted); err != nil {
			return err
		}
		if reflect.DeepEqual(wanted.Resources, mctr.Resources{}) {
			return fmt.Errorf("%w: no limit given: see mctr update --help", mctr.ErrInvalid)
		}
		return a.eachContainer(cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			if group {
				return c.UpdateGroup(ctx, id, wanted.Resources)
			}
			return c.Update(ctx, id, wanted.Resources)
		})
	}
	return cmd
}
