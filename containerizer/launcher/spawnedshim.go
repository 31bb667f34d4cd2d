package launcher

import (
	"fmt"
	"os"

	"github.com/mctr/mctr/internal/cgroup"
)

// A process is a shim, as seen by the process that spawned it.
type process struct {
	*os.Process
	moved chan error // holds the error of the move, if any, and is closed when the move is done
}

// shimControllers are the cgroup v1 controllers that account for processes, and those by which
// service managers kill them.
var shimControllers = []string{"memory", "pids", "freezer", "systemd"}

// moveToCgroup moves a started shim to its cgroup in the background, while the shim initializes: on
// cgroup v1 the kernel delays the mover by an RCU grace period, 10 ms at 250 Hz. An empty group
// moves nothing.
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

// reap waits for the shim to exit. It first waits for the move, because the pid may belong to
// another process once the shim is reaped.
func (p *process) reap() {
	<-p.moved
	_, _ = p.Wait()
}
