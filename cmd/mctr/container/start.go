package container

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/containerizer"
)

func startCommand(h *hostapi.Host) *cobra.Command {
	var attach, stdin bool
	cmd := &cobra.Command{
		Use:               "start [flags] CONTAINER...",
		Short:             "Start containers that were created or have exited",
		Example:           "  mctr start web\n  mctr start -a job; echo $?",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			if attach = attach || stdin; !attach {
				return eachContainer(h, cmd, args, startDetached)
			}
			if len(args) > 1 {
				return fmt.Errorf("%w: --attach and --interactive take one container", mctr.ErrInvalid)
			}
			return exit.OfRun(startAttached(h, cmd, args[0], stdin))
		},
	}
	cmd.Flags().BoolVarP(&attach, "attach", "a", false,
		"print the output of the container, and exit with its exit code")
	cmd.Flags().BoolVarP(&stdin, "interactive", "i", false,
		"pass stdin on, and print the output as with --attach")
	cmd.SetFlagErrorFunc(exit.OfFlag)
	return cmd
}

func startAttached(h *hostapi.Host, cmd *cobra.Command, ref string, stdin bool) error {
	ctx := cmd.Context()
	c, err := h.APIForChange(ctx)
	if err != nil {
		return err
	}
	id, err := c.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	status, err := c.Status(ctx, id)
	if err != nil {
		return err
	}
	config := *status.Config
	config.Process.Stdin = config.Process.Stdin && stdin
	o := &session.Options{SigProxy: true, DetachKeys: session.DefaultDetachKeys, TTY: config.Process.Terminal}
	s := session.New(c, id, o, &config)
	defer s.Restore()
	stream, err := c.Start(s.Pulling(ctx), id, s.LaunchOptions())
	if err != nil {
		return err
	}
	return s.Follow(ctx, stream)
}

func startDetached(ctx context.Context, c agent.Containers, id mctr.ContainerID) error {
	ctx, stop := session.Interruptible(ctx)
	defer stop()
	_, err := c.Start(ctx, id, containerizer.LaunchOptions{Detach: true})
	return err
}
