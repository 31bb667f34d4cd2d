package container

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

func attachCommand(h *hostapi.Host) *cobra.Command {
	o := &session.Options{Watching: true}
	var noStdin bool
	cmd := &cobra.Command{
		Use:   "attach [flags] CONTAINER",
		Short: "Attach to the streams of a running container",
		Long: `Attach to the streams of a running container: print its output from now on, and
pass input and signals on to it. The exit code is that of the container. Any
number of commands can be attached. One that is too slow misses output, which is
reported, and never delays the container.`,
		Example:           "  mctr attach web\n  mctr attach --no-stdin --sig-proxy=false web",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return exit.OfRun(attach(h, cmd, o, args[0], !noStdin))
		},
	}
	cmd.Flags().BoolVar(&noStdin, "no-stdin", false, "do not pass input on")
	cmd.Flags().BoolVar(&o.SigProxy, "sig-proxy", true, "pass signals on to the container")
	cmd.Flags().StringVar(&o.DetachKeys, "detach-keys", session.DefaultDetachKeys,
		"keys that detach from the container without stopping it (\"\": none)")
	cmd.SetFlagErrorFunc(exit.OfFlag)
	return cmd
}

func attach(h *hostapi.Host, cmd *cobra.Command, o *session.Options, ref string, stdin bool) error {
	ctx := cmd.Context()
	c, status, err := h.APIForStatus(ctx, ref)
	if err != nil {
		return err
	}
	id := status.ID
	if status.Phase != mctr.Running && status.Phase != mctr.Paused {
		return fmt.Errorf("%w: container %s is %s: only a running container can be attached to", mctr.ErrState,
			id.Short(), status.Phase)
	}
	if _, err := session.ParseDetachKeys(o.DetachKeys); err != nil {
		return err
	}
	config := *status.Config
	config.Process.Stdin = config.Process.Stdin && stdin
	o.TTY = config.Process.Terminal
	s := session.New(c, id, o, &config)
	defer s.Restore()
	stream, err := c.Attach(s.Pulling(ctx), id, wire.Attach{Stdin: config.Process.Stdin, Output: true})
	if err != nil {
		return err
	}
	if size, ok := s.Terminal.Size(); ok {
		_ = stream.Resize(size) // if the container has exited, Follow reports it
	}
	return s.Follow(ctx, stream)
}
