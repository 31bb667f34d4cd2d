package ocibinary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// A runtime runs the program.
type runtime struct {
	path     string
	mu       sync.Mutex
	children map[int]struct{} // pids of the running programs
}

// OwnsChild implements engine.ChildOwner: it reports whether pid is a run of the program, which run
// waits for.
func (r *runtime) OwnsChild(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.children[pid]
	return ok
}

// run runs cmd until it exits. The lock keeps OwnsChild from answering before the pid is known.
func (r *runtime) run(cmd *exec.Cmd) error {
	r.mu.Lock()
	err := cmd.Start()
	if err == nil {
		if r.children == nil {
			r.children = map[int]struct{}{}
		}
		r.children[cmd.Process.Pid] = struct{}{}
	}
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("run %s: %w", r.path, err)
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.children, cmd.Process.Pid)
	}()
	return cmd.Wait()
}

// output returns what the program prints for args, which name no container.
func (r *runtime) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.path, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := r.run(cmd)
	return out.Bytes(), err
}

// A run is one operation on one container.
type run struct {
	args  []string
	input io.Reader // stdin of the program itself
	stdio engine.Stdio
	out   io.Writer // stdout of the program if stdio has none; nil: discarded
	dir   string    // for the log
}

// perform runs the operation. Its error quotes what the program logged.
func (c *container) perform(ctx context.Context, v run) error {
	log := filepath.Join(v.dir, "log")
	args := []string{"--root", filepath.Join(c.dir, "state"), "--log", log, "--log-format", "json"}
	if c.systemd {
		args = append(args, "--systemd-cgroup")
	}
	cmd := exec.CommandContext(ctx, c.path, append(args, v.args...)...)
	cmd.Stdin, cmd.Stdout = v.input, v.out
	cmd.ExtraFiles = v.stdio.Extra
	if v.stdio.Stdin != nil {
		cmd.Stdin = v.stdio.Stdin
	}
	if v.stdio.Stdout != nil {
		cmd.Stdout = v.stdio.Stdout
	}
	if v.stdio.Stderr != nil {
		cmd.Stderr = v.stdio.Stderr
	}
	err := c.run(cmd)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return c.explain(v.args[0], exit, log)
	}
	return err
}

// call runs an operation without streams.
func (c *container) call(ctx context.Context, args ...string) error {
	return c.perform(ctx, run{args: args, dir: c.dir})
}
