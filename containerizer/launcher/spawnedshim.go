package launcher

import (
	"fmt"
	"os"

	"github.com/mctr/mctr/internal/cgroup"
)

// A process is a shim for the one that spawned it.
type process struct {
	*os.Process
	moved chan error // closed behind the result of move
}

// shimControllers are those of v1 that count, and those that managers end
// processes by.
var shimControllers = []string{"memory", "pids", "freezer", "systemd"}

// moveToCgroup moves a started shim to its cgroup while it gets ready: on v1 the kernel
// makes the mover wait for a grace period, 10 ms at 250 Hz. "" leaves it.
func moveToCgroup(p *os.Process, group string) *process {
	w := &process{Process: p, moved: make(chan error, 1)}
	if group == "" {
		close(w.moved)
		return w
	}
	go func() {
		defer close(w.moved)
		if err := cgroup.Join(group, p.Pid, shimControllers...); err != nil {
			w.moved <- fmt.Errorf("move the shim to its cgroup: %w", err)
		}
	}()
	return w
}

// reap waits for the shim's end. Its pid is its own until then, and is not moved
// after it.
func (p *process) reap() {
	<-p.moved
	_, _ = p.Wait()
}
