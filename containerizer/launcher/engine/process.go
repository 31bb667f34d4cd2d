package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/proc"
)

// Stdio is the set of files that a process gets. With a terminal, the standard streams are nil, and
// the process has a pty, whose master is Process.Console. The caller closes all files once the
// process exists.
type Stdio struct {
	Stdin, Stdout, Stderr *os.File

	Extra []*os.File // descriptors from 3 on

	// Unix sockets to which the process itself sends (runc's docs/terminals.md): first the
	// terminal, then the pidfd, both before it executes the user's program. Nil sockets receive
	// nothing. An engine may refuse them with mctr.ErrUnsupported.
	ConsoleSocket *os.File // receives the pty's master instead of Process.Console
	PidfdSocket   *os.File // receives a pidfd of the process
}

// A Process was started by an engine.
type Process struct {
	Pid     int
	Console *os.File                   // the pty's master; nil without a terminal
	Wait    func() (WaitStatus, error) // reaps the process; call it once

	// Executed reports whether the process has executed the user's program; before, it runs the
	// engine's program. The answer no longer changes when the process has exited. It is true for a
	// reaped process.
	Executed func() bool
}

// HasExecuted implements Process.Executed for an engine that forks the process and lets it execute
// nothing but the user's program.
func HasExecuted(pid int) bool {
	executed, err := proc.Executed(pid)
	return err != nil || executed
}

// AwaitExec waits until the init p executes the user's command. It fails if init exits before. That
// is also how init reports that a startContainer hook failed.
func (p *Process) AwaitExec() error {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		ending := proc.Ending(p.Pid) // before Executed: init may execute the command and exit between the two calls
		switch {
		case p.Executed():
			return nil
		case ending:
			return errors.New("init exited before it executed the command: a startContainer hook failed, " +
				"or the command cannot be executed (see the container's stderr)")
		}
		time.Sleep(pause)
	}
}

// ExecveError returns the error of a process that exited before it executed its command, or nil if
// output shows none. output is what the process printed on its standard error or terminal.
//
// The kernel may refuse a command as late as in execve(2): its file has an unknown format, its
// interpreter is missing, its arguments are too long. Then the engine's program prints "exec
// COMMAND: REASON" as its last line and exits. The error wraps mctr.ErrCommandNotFound if a file is
// missing, and mctr.ErrCommandInvoke otherwise.
func ExecveError(output string) error {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	reason := strings.TrimSpace(lines[len(lines)-1])
	if !strings.HasPrefix(reason, "exec ") {
		return nil
	}
	if strings.HasSuffix(reason, unix.ENOENT.Error()) {
		return fmt.Errorf("%w: %s (the file or its interpreter does not exist)", mctr.ErrCommandNotFound,
			reason)
	}
	return fmt.Errorf("%w: %s", mctr.ErrCommandInvoke, reason)
}
