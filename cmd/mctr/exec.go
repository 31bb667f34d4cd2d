package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
)

// execOptions are the flags of exec.
type execOptions struct {
	tty, stdin, detach bool
	workdir, user      string
	env, envFile       []string
}

func (a *app) execCommand() *cobra.Command {
	o := &execOptions{}
	cmd := &cobra.Command{
		Use:   "exec [flags] CONTAINER COMMAND [ARG...]",
		Short: "Run one more command in a running container",
		Long: `Run one more command in a running container. It dies with this command, or with
--detach when the container ends. The exit code is the command's; 126 when the
container does not run or the command cannot be invoked, 127 when it is not found.`,
		Example:           "  mctr exec -it web sh\n  mctr exec -u nobody -e A=1 web id",
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.exec(cmd.Context(), o, args[0], args[1:])
			if errors.Is(err, mctr.ErrState) {
				return exitStatus{code: 126, err: err}
			}
			return failedToRun(err)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.BoolVarP(&o.tty, "tty", "t", false, "give it a terminal")
	f.BoolVarP(&o.stdin, "interactive", "i", false, "pass stdin on")
	f.BoolVarP(&o.detach, "detach", "d", false, "leave it running")
	f.StringVarP(&o.workdir, "workdir", "w", "", "working directory inside")
	f.StringVarP(&o.user, "user", "u", "", "`USER[:GROUP]`, looked up in the container")
	f.StringArrayVarP(&o.env, "env", "e", nil, "`NAME=VALUE`, or NAME for its value here")
	f.StringArrayVar(&o.envFile, "env-file", nil, "read variables from `FILE`, a line each")
	cmd.SetFlagErrorFunc(failedFlag)
	return cmd
}

func (a *app) exec(ctx context.Context, o *execOptions, ref string, args []string) error {
	c, id, err := a.apiForContainer(ctx, ref)
	if err != nil {
		return err
	}
	env, err := environment(o.env, o.envFile)
	if err != nil {
		return err
	}
	var t *terminal
	if o.tty && !o.detach {
		if o.stdin && !isTerminal(os.Stdin) {
			return fmt.Errorf("%w: the input device is not a TTY", mctr.ErrInvalid)
		}
		t = openTerminal()
	}
	e := containerizer.Exec{
		Args: args, Env: env, WorkingDir: o.workdir, User: o.user, Terminal: o.tty, Stdin: o.stdin && !o.detach,
		Detach: o.detach,
	}
	if size, ok := t.size(); ok {
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
	return execSession(ctx, stream, t, e.Stdin)
}

// execSession carries the streams until the command has ended.
func execSession(ctx context.Context, stream *launcher.Stream, t *terminal, stdin bool) error {
	if err := t.raw(); err != nil {
		return err
	}
	defer t.restore()
	signals := make(chan os.Signal, 64)
	listen(signals)
	go forwardToExec(signals, stream, t)
	if stdin {
		go func() {
			if _, err := io.Copy(stream, os.Stdin); err == nil {
				_ = stream.CloseStdin()
			}
		}()
	}
	end, err := stream.Copy(ctx, os.Stdout, os.Stderr, gap)
	t.restore()
	switch {
	case errors.Is(err, unix.EPIPE): // "mctr exec ... | head": it dies with the stream
		return exitStatus{code: 128 + int(unix.SIGPIPE)}
	case err != nil:
		return err
	case end.Message != "":
		return exitStatus{code: end.ExitCode, err: errors.New(end.Message)}
	case end.ExitCode != 0:
		return exitStatus{code: end.ExitCode}
	}
	return nil
}

func forwardToExec(signals <-chan os.Signal, stream *launcher.Stream, t *terminal) {
	for sig := range signals {
		number, ok := sig.(unix.Signal)
		switch {
		case !ok, number == unix.SIGCHLD, number == unix.SIGURG, number == unix.SIGPIPE:
		case number == unix.SIGWINCH:
			if size, ok := t.size(); ok {
				_ = stream.Resize(size)
			}
		default:
			_ = stream.Signal(number)
		}
	}
}

// environment resolves variables given by name alone.
func environment(vars, files []string) ([]string, error) {
	c := &mctr.ContainerConfig{}
	err := (&launchFlags{env: vars, envFile: files}).environment(c)
	return c.Process.Env, err
}
