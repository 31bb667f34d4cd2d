package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"syscall"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

type container struct {
	asRunc         bool // see NewAsRunc
	c              *lc.Container
	init           *engine.Process
	seccomp        *configs.Seccomp
	cache          string // Options.Cache
	record         record
	startContainer bool // it has startContainer hooks, which init runs
	deleted        bool
}

func (c *container) Init() *engine.Process { return c.init }

func (c *container) State() (*engine.State, error) {
	oci, err := c.c.OCIState()
	if err != nil {
		return nil, err
	}
	inner, err := c.c.State()
	if err != nil {
		return nil, err
	}
	return &engine.State{State: *oci, Rootfs: inner.Config.Rootfs, Created: inner.Created}, nil
}

func (c *container) Processes() ([]int, error) { return c.c.Processes() }

func (c *container) Start() error {
	if c.record.NoProcess {
		return fmt.Errorf("%w: container %s has no process to start, because its config.json has none "+
			"(delete the container, and create it with a process)", mctr.ErrState, c.c.ID())
	}
	return c.c.Exec()
}

func (c *container) Exec(p *specs.Process, io engine.Stdio) (*engine.Process, error) {
	return c.ExecInSubCgroups(nil, p, io)
}

// ExecInSubCgroups implements engine.SubCgroupExecer.
func (c *container) ExecInSubCgroups(subCgroups map[string]string, p *specs.Process, io engine.Stdio) (*engine.Process,
	error) {
	process, err := convert(p)
	if err != nil {
		return nil, err
	}
	process.SubCgroupPaths = subCgroups
	return c.run(process, p.Terminal, io)
}

func (c *container) Signal(sig int, all bool) error {
	if all {
		return c.signalAll(syscall.Signal(sig))
	}
	err := c.c.Signal(syscall.Signal(sig))
	if errors.Is(err, lc.ErrNotRunning) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// signalAll also reaches processes that survive init, in a container that shares another pid
// namespace.
func (c *container) signalAll(sig syscall.Signal) error {
	pids, err := c.c.Processes()
	if err != nil {
		return nil // the cgroup was removed, so there are no processes
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (c *container) Pause() error  { return c.c.Pause() }
func (c *container) Resume() error { return c.c.Resume() }

func (c *container) Cgroups() map[string]string {
	state, err := c.c.State()
	if err != nil {
		return nil
	}
	return maps.Clone(state.CgroupPaths) // Destroy empties libcontainer's map
}

func (c *container) Delete() error {
	if c.deleted {
		return nil
	}
	tolerateFailures(c.c.Config().Hooks[configs.Poststop]) // changes libcontainer's own list, which Destroy runs
	err := c.c.Destroy()
	c.deleted = err == nil
	return err
}
