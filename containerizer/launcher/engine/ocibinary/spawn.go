package ocibinary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// pidFile is the name of the file in which the runtime writes the pid of the process that it
// leaves.
const pidFile = "pid"

// spawn runs an operation that leaves a process: create or exec.
func (c *container) spawn(ctx context.Context, terminal bool, io engine.Stdio,
	args ...string) (*engine.Process, error) {
	if err := c.checkSockets(io); err != nil {
		return nil, err
	}
	if len(io.Extra) > 0 {
		args = append(args, "--preserve-fds", strconv.Itoa(len(io.Extra)))
	}
	dir, err := os.MkdirTemp(c.dir, "run-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := c.runDetached(ctx, dir, terminal, io, append(args, "--pid-file", filepath.Join(dir, pidFile))...)
	if err != nil {
		// The failed run may have left its process. Other new children may be orphans of the
		// container, so only this one is killed.
		if pid, err := readPid(dir); err == nil && isChild(pid) == nil {
			killAndReap(pid)
		}
	}
	return p, err
}

func (c *container) runDetached(ctx context.Context, dir string, terminal bool, io engine.Stdio,
	args ...string) (*engine.Process, error) {
	if !terminal {
		if err := c.perform(ctx, run{args: append(args, c.id), stdio: io, dir: dir}); err != nil {
			return nil, err
		}
		return adopt(dir, nil)
	}
	console, err := listen(dir)
	if err != nil {
		return nil, err
	}
	defer console.close()
	err = c.perform(ctx,
		run{args: append(args, "--console-socket", console.path, c.id), stdio: engine.Stdio{Extra: io.Extra}, dir: dir})
	if err != nil {
		return nil, err
	}
	master, err := console.receive()
	if err != nil {
		return nil, err
	}
	return adopt(dir, master)
}

// adopt returns the process that the runtime left.
func adopt(dir string, master *os.File) (*engine.Process, error) {
	pid, err := readPid(dir)
	if err == nil {
		err = isChild(pid)
	}
	if err != nil {
		if master != nil {
			_ = master.Close()
		}
		return nil, err
	}
	p := newProcess(pid)
	p.Console = master
	return p, nil
}

// newProcess returns the process pid. The runtime forked it, and it executes the command.
func newProcess(pid int) *engine.Process {
	return &engine.Process{Pid: pid,
		Wait:     func() (engine.WaitStatus, error) { return engine.WaitFor(pid) },
		Executed: func() bool { return engine.HasExecuted(pid) },
	}
}

func readPid(dir string) (int, error) {
	data, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return 0, fmt.Errorf("read the runtime's pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid < 2 {
		return 0, fmt.Errorf("the runtime's pid file holds %.40q: %w", data, errors.Join(err, unix.EINVAL))
	}
	return pid, nil
}

// isChild returns an error if this process could not reap pid. A zombie is still a child.
func isChild(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("the runtime's process %d is not a child of this one: %w", pid, err)
		}
		return nil
	}
}

func killAndReap(pid int) {
	_ = unix.Kill(pid, unix.SIGKILL)
	_, _ = engine.WaitFor(pid)
}
