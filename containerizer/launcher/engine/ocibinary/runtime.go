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

// A runtime is the program.
type runtime struct {
	path     string
	mu       sync.Mutex
	children map[int]struct{} // its runs
}

// OwnsChild is for engine.ChildOwner: it reports whether pid is a run of the program, which is
// waited for here.
func (r *runtime) OwnsChild(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.children[pid]
	return ok
}

// run runs cmd to its end. OwnsChild waits until its process is noted.
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

// output is what the program prints for args, which concern no container.
func (r *runtime) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.path, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := r.run(cmd)
	return out.Bytes(), err
}

// A run is one verb on one container.
type run struct {
	args  []string
	input io.Reader // for the program itself
	stdio engine.Stdio
	out   io.Writer // where its output goes without stdio; nil: nowhere
	dir   string    // of its files
}

// perform runs the verb; its error is what the program logged.
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

// call runs a verb that has nothing to do with streams.
func (c *container) call(ctx context.Context, args ...string) error {
	return c.perform(ctx, run{args: args, dir: c.dir})
}
