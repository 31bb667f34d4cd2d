// Package libcontainer is the engine built on runc's libcontainer, in-process.
//
// libcontainer starts a container by executing /proc/self/exe with the argument
// "init", so the program that imports this package must call [Init] first thing
// in main, and should be small: it is loaded once more for every container.
//
// On disk: one directory per container below Options.Root (state.json,
// exec.fifo), gone after Delete; compiled seccomp profiles below Options.Cache
// (package bpfcache), which stay. In the kernel: what config.json says.
package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	_ "github.com/opencontainers/cgroups/devices" // device rules: a list on v1, eBPF on v2
	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // the C half of Init
	"github.com/opencontainers/runc/libcontainer/specconv"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer/bpfcache"
)

// Init runs the container's init and does not return when this process was
// started as one. It does nothing otherwise. An init function calls it: only there is
// this certainly the process' first thread, and another one's execve(2) would end the
// first before the process is the task, for a moment without what /proc has of one.
//
// It is also what compiles a seccomp profile for package bpfcache, on the host.
func Init() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case "init":
		debug.SetGCPercent(-1) // it is over before its garbage matters
		bpfcache.Receive()
		closeExecutable() // behind Receive, which wants the descriptors without a gap
		lc.Init()
	case bpfcache.Argument:
		bpfcache.Compile()
	}
}

// New returns the engine.
func New() engine.Engine { return &runtime{} }

type runtime struct{}

// Create makes the container up to its blocked init. The caller must stand in the
// bundle: see Config.
func (*runtime) Create(_ context.Context, o engine.Options) (engine.Container, error) {
	config, err := Config(&specconv.CreateOpts{CgroupName: o.ID, Spec: o.Spec})
	if err != nil {
		return nil, err
	}
	restrictToSpec(config, o.Spec)
	created := &container{seccomp: config.Seccomp, cache: o.Cache}
	created.record.takePoststart(config)
	c, err := lc.Create(o.Root, o.ID, config)
	if errors.Is(err, lc.ErrExist) {
		return nil, fmt.Errorf("%w: %w", mctr.ErrExists, err)
	}
	if err != nil {
		return nil, fmt.Errorf("create container: %w", err)
	}
	created.c, created.startContainer = c, config.HasHook(configs.StartContainer)
	err = created.record.write(filepath.Join(o.Root, o.ID))
	if err == nil {
		created.init, err = created.run(o.Spec.Process, o.Stdio, true)
	}
	if err != nil {
		return nil, errors.Join(err, created.Delete())
	}
	return created, nil
}

// Load opens the container by libcontainer's state.
func (*runtime) Load(o engine.Options) (engine.Container, error) {
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
	return &container{c: c, init: init, seccomp: state.Config.Seccomp, cache: o.Cache, record: *record,
		startContainer: state.Config.HasHook(configs.StartContainer)}, nil
}
