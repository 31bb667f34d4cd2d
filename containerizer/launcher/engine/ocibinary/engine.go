// Package ocibinary is the engine that runs containers by a program with runc's command line: runc,
// crun, runsc or another OCI runtime.
//
// Every operation runs the program once, and the program exits at once. It leaves the container's
// processes. They become children of this process, because the package makes it a child subreaper
// (prctl(2)); the Wait of a process reaps it.
//
// On disk: one directory for each container below Options.Root, which Delete removes. It holds the
// runtime's own state and, while the program runs, its log, pid file and console socket. In the
// kernel: what config.json says, created by the runtime. Options.Cache is not used.
//
// The package refuses by name what the program would silently ignore: properties of config.json
// that are newer than the runtime-spec that the program supports, and limits that an update does
// not support. It also refuses an environment that is not in config.json, because some runtimes
// keep a copy of the environment on disk.
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

// New returns the engine that runs the program at the absolute path.
func New(path string) engine.Engine { return &runtime{path: path} }

// Create makes the runtime create the container up to its waiting init.
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

// Load opens the container from the record that Create wrote.
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

// create runs the runtime's create command, and records the container.
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
		return fmt.Errorf("read the cgroups of init: %w", err)
	}
	c.groups = parseCgroups(string(groups), cgroup.Unified())
	return c.writeRecord()
}

// setInit sets init, whose Wait sets ended.
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

// undo removes what a failed create may have left.
func (c *container) undo() {
	_ = c.call(context.Background(), "delete", "--force", c.id)
	if c.init != nil {
		_ = unix.Kill(c.init.Pid, unix.SIGKILL)
		_, _ = c.init.Wait()
	}
	_ = os.RemoveAll(c.dir)
}
