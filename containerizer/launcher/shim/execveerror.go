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

// lastOutput is what a process that has ended left in its pipe or terminal.
func lastOutput(from *os.File) string {
	if from == nil {
		return ""
	}
	buf := make([]byte, 4096)
	_ = from.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // another process may hold it open
	n, err := from.Read(buf)
	_ = from.SetReadDeadline(time.Time{})
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// exitsBeforeExec waits for the container's init to end, and reports whether init never executed the command. The
// engine has still to wait for it.
func exitsBeforeExec(init *engine.Process) bool {
	for {
		err := unix.Waitid(unix.P_PID, init.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && !init.Executed()
		}
	}
}

// setExecveCause says in the end of a container whose command was refused why it was.
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
	case err != nil: // no log is kept, and with it not the reason
		t.ExitCode, refusal = 126, mctr.ErrCommandInvoke
	default:
		return
	}
	t.Reason, t.Message = mctr.ReasonLaunchFailed, refusal.Error()
}
