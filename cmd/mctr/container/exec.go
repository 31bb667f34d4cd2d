package container

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/containerizer"
)

// execOptions are the flags of exec.
type execOptions struct {
	tty, stdin, detach bool
	workdir, user      string
	env, envFile       []string
}

func execCommand(h *hostapi.Host) *cobra.Command {
	o := &execOptions{}
	cmd := &cobra.Command{
		Use:   "exec [flags] CONTAINER COMMAND [ARG...]",
		Short: "Run another command in a running container",
		Long: `Run another command in a running container. It is killed when this command ends or,
with --detach, when the container exits. The exit code is that of the command, 126 if
the container is not running or the command cannot be invoked, or 127 if the command
is not found.`,
		Example:           "  mctr exec -it web sh\n  mctr exec -u nobody -e A=1 web id",
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := execIn(cmd.Context(), h, o, args[0], args[1:])
			if errors.Is(err, mctr.ErrState) {
				return exit.Status{Code: 126, Err: err}
			}
			return exit.OfRun(err)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.BoolVarP(&o.tty, "tty", "t", false, "give the command a terminal")
	f.BoolVarP(&o.stdin, "interactive", "i", false, "pass stdin on")
	f.BoolVarP(&o.detach, "detach", "d", false, "run the command in the background")
	f.StringVarP(&o.workdir, "workdir", "w", "", "working directory in the container")
	f.StringVarP(&o.user, "user", "u", "", "`USER[:GROUP]`, looked up in the container")
	f.StringArrayVarP(&o.env, "env", "e", nil, "`NAME=VALUE`, or NAME to pass on its value")
	f.StringArrayVar(&o.envFile, "env-file", nil, "read variables from `FILE`, one per line")
	cmd.SetFlagErrorFunc(exit.OfFlag)
	return cmd
}

func execIn(ctx context.Context, h *hostapi.Host, o *execOptions, ref string, args []string) error {
	c, id, err := h.APIForContainer(ctx, ref)
	if err != nil {
		return err
	}
	env, err := flags.Environment(o.env, o.envFile)
	if err != nil {
		return err
	}
	var t *session.Terminal
	if o.tty && !o.detach {
		if o.stdin && !format.IsTerminal(os.Stdin) {
			return fmt.Errorf("%w: the input device is not a TTY", mctr.ErrInvalid)
		}
		t = session.OpenTerminal()
	}
	e := containerizer.Exec{
		Args: args, Env: env, WorkingDir: o.workdir, User: o.user, Terminal: o.tty, Stdin: o.stdin && !o.detach,
		Detach: o.detach,
	}
	if size, ok := t.Size(); ok {
		e.ConsoleSize = &size
	}
	stream, err := c.Exec(ctx, id, e)
	if err != nil {
		return err
	}
	defer stream.Close()
	if o.detach {
		return nil
	}
	return session.Exec(ctx, stream, t, e.Stdin)
}
