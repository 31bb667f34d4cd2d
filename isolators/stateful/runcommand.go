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

// abandoned is how long a killed command may take to end before Run returns without it: in
// uninterruptible sleep, on a filesystem that does not answer, it never does.
const abandoned = time.Second

// Run runs a command for at most limit, and returns what it wrote to its standard output.
// Work that may hang, such as a mount of a network filesystem, is for a command: a thread of
// the agent that sleeps in the kernel cannot be given up, a process can. The error says what
// the command wrote to its standard error, and wraps context.DeadlineExceeded where the time
// was over; the command and its children have been killed then. A command that leaves a child
// behind which holds its output is an error too (exec.ErrWaitDelay).
func Run(ctx context.Context, limit time.Duration, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/" // it keeps no filesystem busy
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return os.ErrProcessDone } // its whole group is killed below
	cmd.WaitDelay = abandoned                              // a child that left the group may have its output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return out.Bytes(), failure(ctx, argv, said.String(), err)
	case <-ctx.Done():
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // none is left, or all are killed
	}
	select {
	case err := <-ended:
		return out.Bytes(), failure(ctx, argv, said.String(), err)
	case <-time.After(2 * abandoned): // its output may yet be written to
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
