package session

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Exec connects the standard streams of this process with a command in a container, until the command
// has exited. It returns the command's exit code as an exit.Status.
func Exec(ctx context.Context, stream *launcher.Stream, t *Terminal, stdin bool) error {
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
	case errors.Is(err, unix.EPIPE): // "mctr exec ... | head": the command is killed with its stream
		return exit.Status{Code: 128 + int(unix.SIGPIPE)}
	case err != nil:
		return err
	case end.Message != "":
		return exit.Status{Code: end.ExitCode, Err: errors.New(end.Message)}
	case end.ExitCode != 0:
		return exit.Status{Code: end.ExitCode}
	}
	return nil
}

func forwardToExec(signals <-chan os.Signal, stream *launcher.Stream, t *Terminal) {
	for sig := range signals {
		number, ok := sig.(unix.Signal)
		switch {
		case !ok, number == unix.SIGCHLD, number == unix.SIGURG, number == unix.SIGPIPE:
		case number == unix.SIGWINCH:
			if size, ok := t.Size(); ok {
				_ = stream.Resize(size)
			}
		default:
			_ = stream.Signal(number)
		}
	}
}
