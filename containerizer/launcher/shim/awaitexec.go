package shim

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// awaitExec waits until p executes the user's program, and returns false if p exited before. Until
// execve(2), p runs the engine's program, which a signal would kill instead of the user's.
func awaitExec(p *engine.Process) bool {
	// /proc is not enough: it shows the first thread as exited when another thread calls execve(2).
	hasExited := func() bool {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		return err != nil || info.Signo != 0 // an error means that another goroutine has reaped it
	}
	return pollExec(hasExited, p.Executed)
}

// pollExec asks for the exit before it asks for the program. In the other order it could miss a
// program that executed and exited between the two calls.
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
