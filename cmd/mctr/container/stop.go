package container

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// stop ends a container that runs; one that does not is fine. What is not given is the
// container's own.
func stop(ctx context.Context, c agent.Containers, id mctr.ContainerID, sig string, timeout *time.Duration) error {
	status, err := c.Status(ctx, id)
	if err != nil {
		return err
	}
	if status.Phase == mctr.Created {
		return nil
	}
	o := mctr.StopOptions{Timeout: timeout}
	if sig != "" {
		if o.Signal, err = flags.ParseSignal(sig); err != nil {
			return err
		}
	}
	_, err = c.Stop(ctx, id, o)
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // it removed itself
	}
	return err
}

// stopTime is what was typed; nil: nothing was.
func stopTime(seconds int, given bool) *time.Duration {
	if !given {
		return nil
	}
	return new(time.Duration(seconds) * time.Second)
}

func stopCommand(h *hostapi.Host) *cobra.Command {
	var seconds int
	var sig string
	cmd := &cobra.Command{
		Use:               "stop [flags] CONTAINER...",
		Short:             "End containers: ask, then kill",
		Long:              "Send the container's stop signal, and SIGKILL when it has not ended after a while.",
		Example:           "  mctr stop -t 30 web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	cmd.Flags().IntVarP(&seconds, "time", "t", 0,
		"seconds before SIGKILL (default: the container's --stop-timeout, or 10; -1: for ever)")
	cmd.Flags().IntVar(&seconds, "timeout", 0, "the same as --time")
	cmd.Flags().StringVarP(&sig, "signal", "s", "", "what to send first (default: the container's stop signal)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		timeout := stopTime(seconds, cmd.Flags().Changed("time") || cmd.Flags().Changed("timeout"))
		return parallelContainers(h, cmd, args, maxParallel,
			func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
				return stop(ctx, c, id, sig, timeout)
			})
	}
	return cmd
}
