package shim

import (
	"time"

	"github.com/mctr/mctr/internal/proc"
)

// awaitTask waits for pid to become the task, and says whether it did not end before.
// Between the start and execve(2) it is the engine's own program, which a signal would
// end in the task's place.
func awaitTask(pid int) bool {
	return became(func() bool { return proc.Ending(pid) }, func() string { return proc.Command(pid) })
}

// became looks for the end before it looks for the name: what was ending under the
// engine's name stays that, and a task that is over in a moment still has its own.
func became(ending func() bool, command func() string) bool {
	const engines = "runc:[2:INIT]" // libcontainer's, which runc has too
	for range 2000 {
		over := ending()
		if command() != engines {
			return true
		}
		if over {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}
