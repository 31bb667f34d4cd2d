// Package libcontainer is the engine that uses runc's libcontainer in this process.
//
// libcontainer starts a container by executing /proc/self/exe with the argument "init". So the
// program that imports this package must call [Init] before anything else in main. It should be
// small, because it is loaded again for every container.
//
// On disk: one directory per container below Options.Root (state.json, exec.fifo), which Delete
// removes; compiled seccomp profiles below Options.Cache (package bpfcache), which stay. In the
// kernel: what config.json says.
package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	_ "github.com/opencontainers/cgroups/devices" // device rules: a list on cgroup v1, eBPF on v2
	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // the C part of Init
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer/bpfcache"
)

// Init runs the container's init and does not return, if this process was started as one. Otherwise
// it does nothing. It must be called from an init function, because only there this is certainly
// the first thread. If another thread called execve(2), the kernel would end the first thread
// before the process becomes the task, and parts of /proc/[pid] would be missing for a moment.
//
// Init also compiles a seccomp profile for package bpfcache, in a process on the host.
func Init() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case "init":
		debug.SetGCPercent(-1) // init exits before a collection pays off
		bpfcache.Receive()
		closeExecutable() // after Receive, which expects descriptor numbers without a gap
		lc.Init()
	case bpfcache.Argument:
		bpfcache.Compile()
	}
}

// New returns the engine that gives a container exactly what its config.json says.
func New() engine.Engine { return &runtime{} }

// NewAsRunc returns the engine that behaves like runc: a container also gets runc's additions to
// its config.json, and an error about a command has runc's full text.
func NewAsRunc() engine.Engine { return &runtime{asRunc: true} }

type runtime struct{ asRunc bool }

// Create creates the container up to its waiting init. Without a process in config.json, it creates
// a container that cannot be started, but whose namespaces an exec can enter.
func (r *runtime) Create(_ context.Context, o engine.Options) (engine.Container, error) {
	created := &container{asRunc: r.asRunc, cache: o.Cache, record: record{NoProcess: o.Spec.Process == nil}}
	process, err := initOf(o.Spec)
	if err != nil {
		return nil, err
	}
	config, err := r.config(o)
	if err != nil {
		return nil, err
	}
	created.seccomp, created.startContainer = config.Seccomp, config.HasHook(configs.StartContainer)
	created.record.takePoststart(config)
	created.c, err = lc.Create(o.Root, o.ID, config)
	if errors.Is(err, lc.ErrExist) {
		return nil, fmt.Errorf("%w: %w", mctr.ErrExists, err)
	}
	if err != nil {
		return nil, fmt.Errorf("create container: %w", err)
	}
	records := filepath.Join(o.Root, o.ID)
	err = created.record.write(records)
	if err == nil && o.Prepare != nil {
		err = o.Prepare(records)
	}
	if err == nil {
		created.init, err = created.run(process, o.Spec.Process != nil && o.Spec.Process.Terminal, o.Stdio)
	}
	if err != nil {
		return nil, errors.Join(err, created.Delete())
	}
	return created, nil
}

// initOf returns the process that init will execute, or a placeholder if config.json has none.
func initOf(s *specs.Spec) (*lc.Process, error) {
	p := s.Process
	if p == nil {
		var err error
		if p, err = placeholderProcess(s); err != nil {
			return nil, err
		}
	}
	process, err := convert(p)
	if err != nil {
		return nil, err
	}
	process.Init = true
	return process, nil
}

// config converts config.json and the options to libcontainer's form.
func (r *runtime) config(o engine.Options) (*configs.Config, error) {
	config, err := convertConfig(&specconv.CreateOpts{
		CgroupName: o.ID, UseSystemdCgroup: o.SystemdCgroup, NoPivotRoot: o.NoPivot, NoNewKeyring: o.NoNewKeyring,
		Spec: o.Spec, RootlessEUID: os.Geteuid() != 0, RootlessCgroups: o.Rootless,
	})
	if err == nil && !r.asRunc {
		denyTun(config, o.Spec)
		closeCgroups(config)
	}
	return config, err
}

// Load opens the container from libcontainer's state.
func (r *runtime) Load(o engine.Options) (engine.Container, error) {
	c, err := lc.Load(o.Root, o.ID)
	if errors.Is(err, lc.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("load container %s: %w", o.ID, err)
	}
	state, err := c.State()
	if err != nil {
		return nil, fmt.Errorf("load container %s: %w", o.ID, err)
	}
	record, err := readRecord(filepath.Join(o.Root, o.ID))
	if err != nil {
		return nil, err
	}
	pid := state.InitProcessPid
	init := newProcess(pid, func() (engine.WaitStatus, error) { return engine.WaitFor(pid) })
	return &container{
		asRunc: r.asRunc, c: c, init: init, seccomp: state.Config.Seccomp, cache: o.Cache, record: *record,
		startContainer: state.Config.HasHook(configs.StartContainer),
	}, nil
}
