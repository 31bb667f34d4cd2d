package shim

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
)

// lastOutput returns what an exited process left in its pipe or terminal.
func lastOutput(from *os.File) string {
	if from == nil {
		return ""
	}
	buf := make([]byte, 4096)
	_ = from.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // another process may keep it open
	n, err := from.Read(buf)
	_ = from.SetReadDeadline(time.Time{})
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// exitsBeforeExec waits until the container's init has exited, and reports whether init never
// executed the command. It does not reap init: the engine does.
func exitsBeforeExec(init *engine.Process) bool {
	for {
		err := unix.Waitid(unix.P_PID, init.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && !init.Executed()
		}
	}
}

// setExecveCause sets the reason of the termination if the kernel refused to execute the command,
// which the container's log shows.
func setExecveCause(c *wire.Create, t *mctr.Termination) {
	if t.Signal != 0 || t.Reason != mctr.ReasonExited {
		return
	}
	var last string
	o := logs.ReadOptions{Tail: 1}
	err := logs.Read(context.Background(), c.LogDir, logs.Config(c.Log), o, nil, func(e logs.Entry) error {
		last = string(e.Text)
		return nil
	})
	refusal := engine.ExecveError(last)
	switch {
	case errors.Is(refusal, mctr.ErrCommandNotFound):
		t.ExitCode = 127
	case refusal != nil:
		t.ExitCode = 126
	case err != nil: // the container has no log that could show the reason
		t.ExitCode, refusal = 126, mctr.ErrCommandInvoke
	default:
		return
	}
	t.Reason, t.Message = mctr.ReasonLaunchFailed, refusal.Error()
}
