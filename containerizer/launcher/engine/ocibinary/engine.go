// Package ocibinary is the engine that has the containers made by a program with
// runc's command line: runc, crun, runsc or another OCI runtime.
//
// Every verb is one run of the program, which ends at once. What it leaves are
// the container's processes, which become children of this process: the package
// makes it a child subreaper (prctl(2)), and a process is reaped by its Wait.
//
// On disk: one directory for each container below Options.Root, with the
// runtime's own state in it, and while a verb runs its log, pid file and console
// socket. It is gone after Delete. In the kernel: what config.json says, made by
// the runtime. Options.Cache is not used.
//
// What such a program would pass over in silence is refused by name: properties
// of config.json newer than the runtime-spec it says to know, limits that no
// update carries, and an environment that is not in config.json, since some
// runtimes keep a copy of what they run on disk.
package ocibinary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
)

// New returns the engine that runs the program at path, which is absolute.
func New(path string) engine.Engine { return &runtime{path: path} }

// Create has the runtime make the container up to its blocked init.
func (r *runtime) Create(ctx context.Context, o engine.Options) (engine.Container, error) {
	if err := r.check(ctx, o); err != nil {
		return nil, err
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the reaper of the container's processes: %w", err)
	}
	c := &container{runtime: r, id: o.ID, dir: filepath.Join(o.Root, o.ID),
		startContainer: o.Spec.Hooks != nil && len(o.Spec.Hooks.StartContainer) > 0, systemd: o.SystemdCgroup}
	if err := os.MkdirAll(o.Root, 0o700); err != nil {
		return nil, err
	}
	err := os.Mkdir(c.dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %s", mctr.ErrExists, c.dir)
	}
	if err != nil {
		return nil, err
	}
	if o.Prepare != nil {
		err = o.Prepare(c.dir)
	}
	if err == nil {
		err = c.create(ctx, o)
	}
	if err != nil {
		c.undo()
		return nil, err
	}
	return c, nil
}

// Load opens the container by the record of its creation.
func (r *runtime) Load(o engine.Options) (engine.Container, error) {
	c := &container{runtime: r, id: o.ID, dir: filepath.Join(o.Root, o.ID)}
	record, err := c.readRecord()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: container %s", mctr.ErrNotFound, o.ID)
	}
	if err != nil {
		return nil, err
	}
	c.groups, c.startContainer, c.systemd = record.Cgroups, record.StartContainer, record.SystemdCgroup
	c.setInit(newProcess(record.Pid))
	return c, nil
}

// create runs the verb and looks at what it made.
func (c *container) create(ctx context.Context, o engine.Options) error {
	before := children()
	args := []string{"create", "--bundle", o.Bundle}
	if o.NoPivot {
		args = append(args, "--no-pivot")
	}
	if o.NoNewKeyring {
		args = append(args, "--no-new-keyring")
	}
	init, err := c.spawn(ctx, o.Spec.Process.Terminal, o.Stdio, args...)
	if err != nil {
		c.killStrays(before)
		return err
	}
	c.setInit(init)
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", init.Pid))
	if err != nil {
		return fmt.Errorf("read the control groups of init: %w", err)
	}
	c.groups = parseCgroups(string(groups), cgroup.Unified())
	return c.writeRecord()
}

// setInit notes when init is reaped.
func (c *container) setInit(init *engine.Process) {
	wait := init.Wait
	init.Wait = func() (engine.WaitStatus, error) {
		status, err := wait()
		if err == nil {
			c.ended.Store(true)
		}
		return status, err
	}
	c.init = init
}

// undo takes back what a failed create may have left.
func (c *container) undo() {
	_ = c.call(context.Background(), "delete", "--force", c.id)
	if c.init != nil {
		_ = unix.Kill(c.init.Pid, unix.SIGKILL)
		_, _ = c.init.Wait()
	}
	_ = os.RemoveAll(c.dir)
}
