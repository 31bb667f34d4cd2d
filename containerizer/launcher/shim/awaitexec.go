package shim

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/proc"
)

// engineComm is that of libcontainer's program, which runc has too.
const engineComm = "runc:[2:INIT]"

// awaitExec waits for pid to become the task, and says whether it did not end before.
// Between the start and execve(2) it is the engine's own program, which a signal would
// end in the task's place.
func awaitExec(pid int) bool {
	return pollExec(func() bool { return hasExited(pid) }, func() string { return proc.Command(pid) })
}

// hasExited reports whether our child pid, with all its threads, has ended. Its first thread
// alone ends, as /proc has it, where another one calls execve(2).
func hasExited(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || info.Signo != 0 // or somebody has waited for it
}

// pollExec looks for the end before it looks for the name: what was ending under the
// engine's name stays that, and a task that is over in a moment still has its own.
func pollExec(ending func() bool, command func() string) bool {
	for range 2000 {
		over := ending()
		if command() != engineComm {
			return true
		}
		if over {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}
