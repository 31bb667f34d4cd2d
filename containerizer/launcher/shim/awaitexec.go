package shim

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// awaitExec waits until p executes the user's program, and reports whether p did not end before. Between the start and
// execve(2) the process is the engine's own program, which a signal would end in the user's place.
func awaitExec(p *engine.Process) bool {
	return pollExec(func() bool { return hasExited(p.Pid) }, p.Executed)
}

// hasExited reports whether our child pid, with all its threads, has ended. Its first thread
// alone ends, as /proc has it, where another one calls execve(2).
func hasExited(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || info.Signo != 0 // or another goroutine has waited for it
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
