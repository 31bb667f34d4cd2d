package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/proc"
	"github.com/mctr/mctr/logs"
)

// A command can be refused as late as by execve(2): its file has an unknown format, its
// interpreter is missing, its arguments are too long. libcontainer's program says so on
// the command's own standard error, and ends in the command's place.

// execveError is the error that such a program printed as its last line, with the kind that
// callers turn into an exit code: 127 for what is missing, 126 for the rest.
func execveError(printed string) error {
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	reason := strings.TrimSpace(lines[len(lines)-1])
	if !strings.HasPrefix(reason, "exec ") {
		return nil
	}
	if strings.HasSuffix(reason, unix.ENOENT.Error()) {
		return fmt.Errorf("%w: %s (it, or the interpreter that it names, is not there)", wire.ErrCommandNotFound,
			reason)
	}
	return fmt.Errorf("%w: %s", wire.ErrCommandInvoke, reason)
}

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

// exitsBeforeExec waits for the container's init to end, and says whether it never became
// the command. The engine has still to wait for it.
func exitsBeforeExec(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && proc.Command(pid) == engineComm
		}
	}
}

// setExecveCause says in the end of a container whose command was refused why it was.
func (s *Shim) setExecveCause(t *mctr.Termination) {
	if t.Signal != 0 || t.Reason != mctr.ReasonExited {
		return
	}
	var last string
	o := logs.ReadOptions{Tail: 1}
	err := logs.Read(context.Background(), s.create.LogDir, logs.Config(s.create.Log), o, nil,
		func(e logs.Entry) error {
			last = string(e.Text)
			return nil
		})
	refusal := execveError(last)
	switch {
	case errors.Is(refusal, wire.ErrCommandNotFound):
		t.ExitCode = 127
	case refusal != nil:
		t.ExitCode = 126
	case err != nil: // no log is kept, and with it not the reason
		t.ExitCode, refusal = 126, wire.ErrCommandInvoke
	default:
		return
	}
	t.Reason, t.Message = mctr.ReasonLaunchFailed, refusal.Error()
}
