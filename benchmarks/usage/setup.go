package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner"
)

// A rig is a containerizer with bare containers.
type rig struct {
	dir, state string
	c          *containerizer.Containerizer
	bare       []*bare
}

// A bare container has only the parts of a container that a reader of statistics sees.
type bare struct {
	id      mctr.ContainerID
	group   string
	manager cgroups.Manager
	sleeper *exec.Cmd
	alive   *flock.Lock
}

func (r *rig) open(ctx context.Context, containers int) (err error) {
	if r.dir, err = os.MkdirTemp("", "mctr-usage"); err != nil {
		return err
	}
	root := filepath.Join(r.dir, "root")
	r.state = filepath.Join(r.dir, "state")
	images, err := provisioner.New(root)
	if err != nil {
		return err
	}
	table := builtin.Table(builtin.Deps{Root: root, State: r.state})
	r.c, err = containerizer.New(ctx, containerizer.WithDirs(root, r.state), containerizer.WithImages(images),
		// the shim is never started: nothing is launched
		containerizer.WithIsolators(table), containerizer.WithShim("/proc/self/exe"))
	if err != nil {
		return err
	}
	for range containers {
		if err := errors.Join(ctx.Err(), r.add(ctx, root)); err != nil {
			return fmt.Errorf("make a bare container: %w", err)
		}
	}
	return nil
}

// add makes a bare container. It notes the container before it starts the process, so that close
// finds everything.
func (r *rig) add(ctx context.Context, root string) (err error) {
	b := &bare{id: mctr.NewID()}
	b.group = store.At("", r.state).Container(b.id).Cgroup()
	r.bare = append(r.bare, b)
	if b.manager, err = manager.New(
		&cgroups.Cgroup{Path: "/" + b.group, Resources: &cgroups.Resources{SkipDevices: true}}); err != nil {
		return err
	}
	state := store.At("", r.state).Container(b.id).StateDir()
	for file, content := range map[string]string{
		filepath.Join(root, "containers", string(b.id), "config.json"): "{}",
		filepath.Join(state, "journal"): fmt.Sprintf("\n%d running;\n",
			time.Now().UnixNano()),
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700),
			os.WriteFile(file, []byte(content), 0o600)); err != nil {
			return err
		}
	}
	if b.alive, err = flock.Exclusive(ctx, filepath.Join(state, "alive")); err != nil {
		return err
	}
	sleeper := exec.Command("sleep", "86400")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	if err := sleeper.Start(); err != nil {
		return err
	}
	b.sleeper = sleeper
	return b.manager.Apply(sleeper.Process.Pid)
}

func (r *rig) contenders(ctx context.Context) []*compare.Contender {
	return []*compare.Contender{
		{Name: "containerizer.Usage", Round: r.each(func(i int) error {
			u, err := r.c.Usage(ctx, r.bare[i].id)
			if err == nil && (u.Pids != 1 || u.Networks == nil) {
				err = fmt.Errorf("%d processes, interfaces %v: not what was made", u.Pids, u.Networks)
			}
			return err
		})},
		{Name: "its control group, opened each time", Round: r.each(func(i int) error {
			u := &mctr.Usage{}
			var m *usage.Meter // a nil Meter keeps no files open
			for _, read := range []func(string, *mctr.Usage){m.CPU, m.Memory, m.Pids, m.IO} {
				read(r.bare[i].group, u)
			}
			if u.Pids != 1 {
				return fmt.Errorf("%d processes, not one", u.Pids)
			}
			return nil
		})},
		{Name: "opencontainers/cgroups GetStats", Round: r.each(func(i int) error {
			s, err := r.bare[i].manager.GetStats()
			if err == nil && s.PidsStats.Current != 1 {
				err = fmt.Errorf("%d processes, not one", s.PidsStats.Current)
			}
			return err
		})},
	}
}

// each returns a round that asks all containers once.
func (r *rig) each(ask func(i int) error) func() error {
	return func() error {
		for i := range r.bare {
			if err := ask(i); err != nil {
				return err
			}
		}
		return nil
	}
}

// close removes everything. It goes on past errors.
func (r *rig) close() error {
	var errs []error
	for _, b := range r.bare {
		errs = append(errs, b.close())
	}
	if r.c != nil {
		errs = append(errs, r.c.Close(), compare.RemoveState(r.state))
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

func (b *bare) close() error {
	var errs []error
	if b.sleeper != nil {
		errs = append(errs, b.sleeper.Process.Kill())
		_ = b.sleeper.Wait() // the error says that it was killed
	}
	b.alive.Unlock()
	return errors.Join(errs...)
}
