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

// stop stops a container if it is running. An empty signal and a nil timeout stand for those of the
// container.
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
		return nil // the container was removed automatically
	}
	return err
}

// stopTime returns the timeout of a flag, or nil if the flag was not given.
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
		Short:             "Stop containers",
		Long:              "Send the stop signal of the container, and SIGKILL if it has not exited after a timeout.",
		Example:           "  mctr stop -t 30 web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
	}
	cmd.Flags().IntVarP(&seconds, "time", "t", 0,
		"seconds until SIGKILL (default: --stop-timeout of the container, or 10; -1: never)")
	cmd.Flags().IntVar(&seconds, "timeout", 0, "the same as --time")
	cmd.Flags().StringVarP(&sig, "signal", "s", "", "signal to send first (default: the stop signal of the container)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		timeout := stopTime(seconds, cmd.Flags().Changed("time") || cmd.Flags().Changed("timeout"))
		return parallelContainers(h, cmd, args, maxParallel,
			func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
				return stop(ctx, c, id, sig, timeout)
			})
	}
	return cmd
}
