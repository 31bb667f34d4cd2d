package ocibinary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
)

type container struct {
	*runtime
	id, dir string
	init    *engine.Process
	groups  cgroups

	startContainer bool        // it has startContainer hooks, which init runs
	systemd        bool        // systemd creates its cgroups
	ended          atomic.Bool // init was reaped, so its pid may have been reused
}

func (c *container) Init() *engine.Process { return c.init }

// State runs the runtime's state command.
func (c *container) State() (*engine.State, error) {
	var out bytes.Buffer
	if err := c.perform(context.Background(), run{args: []string{"state", c.id}, out: &out, dir: c.dir}); err != nil {
		return nil, err
	}
	state := &engine.State{}
	if err := json.Unmarshal(out.Bytes(), state); err != nil {
		return nil, fmt.Errorf("decode the state of container %s: %w", c.id, err)
	}
	if !filepath.IsAbs(state.Rootfs) { // crun prints the path of config.json
		state.Rootfs = filepath.Join(state.Bundle, state.Rootfs)
	}
	return state, nil
}

func (c *container) Processes() ([]int, error) { return c.groups.pids() }

func (c *container) Start() error { return c.call(context.Background(), "start", c.id) }

// RunPoststart waits for the startContainer hooks. The runtime runs the poststart hooks itself,
// some already at create.
func (c *container) RunPoststart() error {
	if !c.startContainer {
		return nil
	}
	return c.init.AwaitExec()
}

// Exec passes the process in a memfd, because its environment may hold secrets.
func (c *container) Exec(p *specs.Process, io engine.Stdio) (*engine.Process, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode process: %w", err)
	}
	fd, err := unix.MemfdCreate("process.json", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), "process.json")
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return nil, err
	}
	return c.spawn(context.Background(), p.Terminal, io, "exec", "--detach", "--process",
		fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
}

func (c *container) Signal(sig int, all bool) error {
	if all {
		return c.signalAll(unix.Signal(sig))
	}
	if c.ended.Load() {
		return nil
	}
	err := c.call(context.Background(), "kill", c.id, strconv.Itoa(sig))
	if err != nil && c.stopped() {
		return nil
	}
	return errors.Join(err, c.thaw(unix.Signal(sig)))
}

// signalAll also reaches processes that survive init, in a container that shares another pid
// namespace.
func (c *container) signalAll(sig unix.Signal) error {
	pids, err := c.groups.pids()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := unix.Kill(pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return c.thaw(sig)
}

// thaw resumes a killed container on cgroup v1, where a frozen process does not die.
func (c *container) thaw(sig unix.Signal) error {
	if sig != unix.SIGKILL || cgroup.Unified() || !slices.ContainsFunc(c.groups.names(), cgroup.Frozen) {
		return nil
	}
	return c.Resume()
}

// stopped reports whether init has exited, even if it is still a zombie.
func (c *container) stopped() bool {
	state, err := c.State()
	return err == nil && state.Status == specs.StateStopped
}

// Pause returns when the processes are frozen. It checks that itself, because crun does not wait
// for the freezer of cgroup v1, which takes a while on a busy host.
func (c *container) Pause() error {
	if err := c.call(context.Background(), "pause", c.id); err != nil {
		return err
	}
	controller := "freezer"
	if cgroup.Unified() {
		controller = ""
	}
	group := c.groups[controller]
	for deadline := time.Now().Add(freezeTimeout); group != "" && !cgroup.Frozen(group); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: pause: cgroup %s is not frozen after %v", mctr.ErrUnavailable, group,
				freezeTimeout)
		}
	}
	return nil
}

// freezeTimeout bounds the wait for the kernel's freezer.
const freezeTimeout = 10 * time.Second

func (c *container) Resume() error { return c.call(context.Background(), "resume", c.id) }

func (c *container) Update(r *specs.LinuxResources) error {
	if err := c.updatable(r); err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode resources: %w", err)
	}
	return c.perform(context.Background(),
		run{args: []string{"update", "--resources", "-", c.id}, input: bytes.NewReader(data), dir: c.dir})
}

func (c *container) Cgroups() map[string]string {
	dirs := map[string]string{}
	for controller, name := range c.groups {
		if dir := cgroup.Dir(controller, name); dir != "" {
			dirs[controller] = dir
		}
	}
	return dirs
}

// Delete uses force only if necessary, because runc then waits for a tenth of a second.
func (c *container) Delete() error {
	if _, err := os.Lstat(c.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if c.call(context.Background(), "delete", c.id) != nil {
		if err := c.call(context.Background(), "delete", "--force", c.id); err != nil {
			return err
		}
	}
	return os.RemoveAll(c.dir)
}
