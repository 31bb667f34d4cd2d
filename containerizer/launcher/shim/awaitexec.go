package shim

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// awaitExec waits until p executes the user's program, and reports whether p did not end before. Between the start and
// execve(2) the process is the engine's own program, which a signal would end in the user's place.
func awaitExec(p *engine.Process) bool {
	// Its first thread alone ends, as /proc has it, where another one calls execve(2).
	hasExited := func() bool {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		return err != nil || info.Signo != 0 // or another goroutine has waited for it
	}
	return pollExec(hasExited, p.Executed)
}

// pollExec looks for the end before it looks for the program: a process that ended as the engine's program stays that,
// and a command that is over in a moment has still been executed.
func pollExec(ending, executed func() bool) bool {
	for range 2000 {
		over := ending()
		if executed() {
			return true
		}
		if over {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}
