package enginetest

import (
	"errors"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// load opens the container by a new engine, which knows it only from the records.
func (b *bench) load() engine.Container {
	b.Helper()
	c, err := b.open().Load(engine.Options{ID: id, Root: b.root})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// hasStatus wants the status of the container, and checks the rest of its state.
func (b *bench) hasStatus(c engine.Container, want specs.ContainerState) {
	b.Helper()
	s, err := c.State()
	if err != nil {
		b.Error(err)
		return
	}
	if s.Status != want || s.ID != id || s.Bundle != b.bundle || s.Rootfs != b.bundle+"/rootfs" || s.Created.IsZero() ||
		want != specs.StateStopped && s.Pid != c.Init().Pid {
		b.Errorf("the state is %+v, want %s", s, want)
	}
}

// loads performs every operation on a container that another engine created. Each operation loads
// the container by a new engine.
func loads(b *bench) {
	if err := unix.Mkfifo(filepath.Join(b.bundle, "rootfs/tmp/fifo"), 0o600); err != nil { // a shell waits at it
		b.Fatal(err)
	}
	made := b.create(sh("read -r line </tmp/fifo; exit 7"))
	b.hasStatus(b.load(), specs.StateCreated)
	if b.load().Init().Pid != made.Init().Pid || b.load().Init().Executed() {
		b.Errorf("the loaded init is %+v", b.load().Init())
	}
	if _, err := b.try(spec(sh("exit 0"))); !errors.Is(err, mctr.ErrExists) {
		b.Errorf("a second container of the same id: %v", err)
	}
	if err := b.load().Start(); err != nil {
		b.Fatal(err)
	}
	if err := b.load().RunPoststart(); err != nil {
		b.Error(err)
	}
	b.eventually("init executes the command", b.load().Init().Executed)
	b.hasStatus(b.load(), specs.StateRunning)
	b.execLoaded()
	if err := b.load().Pause(); err != nil {
		b.Error(err)
	}
	b.hasStatus(b.load(), engine.StatePaused)
	if err := b.load().Resume(); err != nil {
		b.Error(err)
	}
	if err := b.load().Signal(int(unix.SIGKILL), true); err != nil {
		b.Error(err)
	}
	b.ends(b.load().Init(), engine.WaitStatus{Code: 137, Signal: 9})
	b.hasStatus(b.load(), specs.StateStopped)
	b.delete(b.load())
	if _, err := b.open().Load(engine.Options{ID: id, Root: b.root}); !errors.Is(err, mctr.ErrNotFound) {
		b.Errorf("a container that was deleted: %v", err)
	}
}

// execLoaded runs a further process in the container, and wants two processes then.
func (b *bench) execLoaded() {
	b.Helper()
	p, out := b.exec(b.load(), sh("echo inside; read -r line </tmp/fifo"))
	b.reads(out, "inside\n")
	if pids, err := b.load().Processes(); err != nil || len(pids) != 2 {
		b.Errorf("processes: %v, %v", pids, err)
	}
	if err := unix.Kill(p.Pid, unix.SIGKILL); err != nil {
		b.Error(err)
	}
	b.ends(p, engine.WaitStatus{Code: 137, Signal: 9})
}

// executes wants Executed to be false until the start of the container, and true afterwards.
func executes(b *bench) {
	c := b.create(sh("exit 3"))
	if c.Init().Executed() {
		b.Error("a created container's init has executed the command")
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.eventually("init executes the command", c.Init().Executed)
	b.ends(c.Init(), engine.WaitStatus{Code: 3})
	if !c.Init().Executed() {
		b.Error("an init that has ended did not execute the command")
	}
	b.delete(c)
	c = b.create(sh("exit 3"))
	if err := c.Signal(int(unix.SIGKILL), false); err != nil {
		b.Error(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, c.Init().Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		b.Error(err)
	}
	if c.Init().Executed() {
		b.Error("an init that was killed before the start has executed the command")
	}
	b.ends(c.Init(), engine.WaitStatus{Code: 137, Signal: 9})
	b.delete(c)
}
