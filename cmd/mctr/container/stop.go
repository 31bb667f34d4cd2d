package container

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// stop ends a container that runs; one that does not is fine.
func stop(ctx context.Context, c agent.Containers, id mctr.ContainerID, sig string, seconds int,
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
		given := cmd.Flags().Changed("time") || cmd.Flags().Changed("timeout")
		return allContainers(h, cmd, args, func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
			return stop(ctx, c, id, sig, seconds, given)
		})
	}
	return cmd
}

func stopSignal(asked string, s *mctr.Status) (unix.Signal, error) {
	if asked == "" {
		asked = s.StopSignal
	}
	if asked == "" {
		return unix.SIGTERM, nil
	}
	return flags.ParseSignal(asked)
}

// stopTime is how long to wait before the kill.
func stopTime(s *mctr.Status, seconds int, given bool) time.Duration {
	switch {
	case given && seconds < 0:
		return mctr.Forever
	case given:
		return time.Duration(seconds) * time.Second
	}
	return s.Config.StopTime()
}
