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

// Stdio is what a process gets as its streams. With a terminal the standard streams stay nil and the process has a pty,
// whose master is Process.Console. The caller closes all files when the process was made.
type Stdio struct {
	Stdin, Stdout, Stderr *os.File

	Extra []*os.File // descriptors from 3 on

	// Unix sockets, which the process itself sends to (runc's docs/terminals.md), the pidfd after the terminal, and
	// both before it executes the user's program; nil: it does not. Engines may refuse them by mctr.ErrUnsupported.
	ConsoleSocket *os.File // receives the pty's master in place of Process.Console
	PidfdSocket   *os.File // receives a pidfd of the process
}

// A Process is one that an engine started.
type Process struct {
	Pid     int
	Console *os.File                   // the pty's master, nil without a terminal
	Wait    func() (WaitStatus, error) // reaps; call it once

	// Executed reports whether the process has come to execute the user's program: before, it is a program of the
	// engine's. The answer stays when the process has ended, and is yes when it was reaped.
	Executed func() bool
}

// HasExecuted is Process.Executed for an engine whose process is forked and executes nothing but the user's program.
func HasExecuted(pid int) bool {
	executed, err := proc.Executed(pid)
	return err != nil || executed
}

// AwaitExec waits until the init p executes the user's command. An init that runs startContainer hooks before can
// report no failure of these: it ends without having executed the command.
func (p *Process) AwaitExec() error {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		ending := proc.Ending(p.Pid) // looked at first: it may execute the command, and end, at any moment
		switch {
		case p.Executed():
			return nil
		case ending:
			return errors.New("init ended before it executed the command: a startContainer hook has failed, " +
				"or the command cannot be executed (which one, the container's stderr says)")
		}
		time.Sleep(pause)
	}
}

// ExecveError returns the error of a process that ended before it executed its command, nil where output has none.
// output is what the process printed on its standard error or terminal.
//
// A command can be refused as late as by execve(2): its file has an unknown format, its interpreter is missing, its
// arguments are too long. The engine's program prints "exec COMMAND: REASON" then, as its last line, and ends in the
// command's place. The error wraps mctr.ErrCommandNotFound for what is missing, and mctr.ErrCommandInvoke for the rest.
func ExecveError(output string) error {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	reason := strings.TrimSpace(lines[len(lines)-1])
	if !strings.HasPrefix(reason, "exec ") {
		return nil
	}
	if strings.HasSuffix(reason, unix.ENOENT.Error()) {
		return fmt.Errorf("%w: %s (it, or the interpreter that it names, is not there)", mctr.ErrCommandNotFound,
			reason)
	}
	return fmt.Errorf("%w: %s", mctr.ErrCommandInvoke, reason)
}
