package stateful

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// abandoned is how long Run waits for a killed command. A command in uninterruptible sleep, on a
// filesystem that does not answer, never exits.
const abandoned = time.Second

// Run runs a command for at most limit, and returns its standard output. An isolator runs work that
// may hang, such as a mount of a network filesystem, as a command: the agent can give up a process,
// but not a thread of its own that sleeps in the kernel.
//
// The error has the command's standard error. It wraps context.DeadlineExceeded if the time is
// over; the command and its children have been killed then. It wraps exec.ErrWaitDelay if the
// command exits but leaves a child that holds its output.
func Run(ctx context.Context, limit time.Duration, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/" // the command must not keep a filesystem busy
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return os.ErrProcessDone } // the whole process group is killed below
	cmd.WaitDelay = abandoned                              // a child that left the group may hold the output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return out.Bytes(), failure(ctx, argv, said.String(), err)
	case <-ctx.Done():
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // fails only if no process is left
	}
	select {
	case err := <-ended:
		return out.Bytes(), failure(ctx, argv, said.String(), err)
	case <-time.After(2 * abandoned): // the command may still write to its output
		return nil, fmt.Errorf("run %s: it was killed and has not ended: %w", argv[0], context.Cause(ctx))
	}
}

func failure(ctx context.Context, argv []string, said string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if said = strings.TrimSpace(said); said != "" {
		return fmt.Errorf("run %s: %w: %s", argv[0], err, said)
	}
	return fmt.Errorf("run %s: %w", argv[0], err)
}
