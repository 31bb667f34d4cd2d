package container

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func waitCommand(h *hostapi.Host) *cobra.Command {
	var condition string
	cmd := &cobra.Command{
		Use:   "wait [flags] CONTAINER...",
		Short: "Wait for containers to exit and print their exit codes",
		Long: `Wait for containers to exit and print their exit codes.

With --condition, wait until they are running, healthy or ready, and print nothing.
It is an error if a container exits before that.`,
		Example:           "  code=$(mctr wait job)\n  mctr wait --condition ready web && curl http://web",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := h.API(cmd.Context())
			if err != nil {
				return err
			}
			wait, err := waitFor(condition)
			if err != nil {
				return err
			}
			for _, ref := range args {
				id, err := c.Resolve(cmd.Context(), ref)
				if err != nil {
					return err
				}
				if err := wait(cmd.Context(), c, id); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&condition, "condition", "exited", "condition to wait for: exited, running, healthy, ready")
	_ = cmd.RegisterFlagCompletionFunc("condition", flags.Words("exited", "running", "healthy", "ready"))
	return cmd
}

// conditions are the conditions of a running container.
var conditions = map[string]func(*mctr.Status) bool{
	"running": func(s *mctr.Status) bool { return s.Phase == mctr.Running },
	"healthy": func(s *mctr.Status) bool { return s.Health != nil && s.Health.Status == mctr.Healthy },
	"ready":   func(s *mctr.Status) bool { return s.Ready != nil && s.Ready.Status == mctr.Healthy },
}

func waitFor(condition string) (verb, error) {
	if condition == "exited" {
		return waitExited, nil
	}
	holds, known := conditions[condition]
	if !known {
		return nil, fmt.Errorf("%w: --condition %s: want exited, running, healthy or ready", mctr.ErrInvalid, condition)
	}
	return func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
		return waitUntil(ctx, c, id, condition, holds)
	}, nil
}

func waitExited(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
	t, err := c.Wait(ctx, id)
	if err == nil {
		fmt.Println(t.ExitCode)
	}
	return err
}

// waitUntil polls the status, because probes record their results in files.
func waitUntil(ctx context.Context, c agent.Containers, id mctr.ContainerID, condition string,
	holds func(*mctr.Status) bool) error {
	for {
		s, err := c.Status(ctx, id)
		switch {
		case err != nil:
			return err
		case holds(s):
			return nil
		case !canMeet(s, condition):
			return fmt.Errorf("%w: container %s is %s and will not be %s", mctr.ErrState, id.Short(),
				strings.ToLower(string(s.Phase)), condition)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// canMeet reports whether the container can still meet the condition.
func canMeet(s *mctr.Status, condition string) bool {
	if slices.Contains([]mctr.Phase{mctr.Exited, mctr.Lost, mctr.Destroying}, s.Phase) {
		return !s.Config.Restart.Never()
	}
	return condition != "ready" || s.Config.Ready != nil
}
