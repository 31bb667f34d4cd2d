package enginetest_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/engine/enginetest"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
)

// libcontainer runs this program as the init of every container.
func init() { libcontainer.Init() }

// broken is libcontainer's engine with one fault.
type broken struct {
	create func(context.Context, engine.Engine, engine.Options) (engine.Container, error)
	load   func(engine.Options) (engine.Container, error)
	wrap   func(*brokenContainer)
}

func (b broken) Create(ctx context.Context, o engine.Options) (engine.Container, error) {
	good := libcontainer.New()
	if b.create != nil {
		return b.create(ctx, good, o)
	}
	c, err := good.Create(ctx, o)
	if err != nil || b.wrap == nil {
		return c, err
	}
	faulty := &brokenContainer{Container: c}
	b.wrap(faulty)
	return faulty, nil
}

func (b broken) Load(o engine.Options) (engine.Container, error) {
	if b.load != nil {
		return b.load(o)
	}
	return libcontainer.New().Load(o)
}

// brokenContainer is a container with some methods replaced.
type brokenContainer struct {
	engine.Container
	start, pause, remove func() error
	init                 *engine.Process
	update               func(*specs.LinuxResources) error
	exec                 func(*specs.Process, engine.Stdio) (*engine.Process, error)
	signal               func(int, bool) error
}

func (c *brokenContainer) Init() *engine.Process {
	if c.init != nil {
		return c.init
	}
	return c.Container.Init()
}

func (c *brokenContainer) Start() error {
	if c.start != nil {
		return c.start()
	}
	return c.Container.Start()
}

func (c *brokenContainer) Pause() error {
	if c.pause != nil {
		return c.pause()
	}
	return c.Container.Pause()
}

func (c *brokenContainer) Delete() error {
	if c.remove != nil {
		return c.remove()
	}
	return c.Container.Delete()
}

func (c *brokenContainer) Update(r *specs.LinuxResources) error {
	if c.update != nil {
		return c.update(r)
	}
	return c.Container.Update(r)
}

func (c *brokenContainer) Exec(p *specs.Process, io engine.Stdio) (*engine.Process, error) {
	if c.exec != nil {
		return c.exec(p, io)
	}
	return c.Container.Exec(p, io)
}

func (c *brokenContainer) Signal(sig int, all bool) error {
	if c.signal != nil {
		return c.signal(sig, all)
	}
	return c.Container.Signal(sig, all)
}

func nothing() error { return nil }

// brokenEngines each have one fault, and name the case that must detect it.
var brokenEngines = []struct {
	name, fails string
	e           broken
}{
	{"reports a wrong exit code", "exit codes", broken{wrap: func(c *brokenContainer) {
		good := c.Container.Init()
		faulty := *good
		faulty.Wait = func() (engine.WaitStatus, error) {
			status, err := good.Wait()
			status.Code = status.Code / 2
			return status, err
		}
		c.init = &faulty
	}}},
	{"starts before start", "nothing runs before start", broken{create: startedTooEarly}},
	{"leaves the control group", "exit codes", broken{wrap: func(c *brokenContainer) {
		dirs := c.Cgroups()
		c.remove = func() error {
			err := c.Container.Delete()
			for _, dir := range dirs {
				err = errors.Join(err, os.MkdirAll(dir, 0o755))
			}
			return err
		}
	}}},
	{"leaves its records", "exit codes",
		broken{create: func(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
			c, err := good.Create(ctx, o)
			return c, errors.Join(err, os.WriteFile(o.Root+"/record", nil, 0o600))
		}}},
	{"does not tell a missing command", "a command that is not there",
		broken{create: func(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
			c, err := good.Create(ctx, o)
			if err != nil {
				err = errors.New(err.Error())
			}
			return c, err
		}}},
	{"pauses nothing", "pause and resume", broken{wrap: func(c *brokenContainer) { c.pause = nothing }}},
	{"updates nothing", "limits are updated", broken{wrap: func(c *brokenContainer) {
		c.update = func(*specs.LinuxResources) error { return nil }
	}}},
	{"fails to signal what has ended", "signals", broken{wrap: func(c *brokenContainer) {
		c.signal = func(sig int, all bool) error {
			if len(c.Cgroups()) == 0 || unix.Kill(c.Container.Init().Pid, 0) != nil {
				return errors.New("no such process")
			}
			return c.Container.Signal(sig, all)
		}
	}}},
	{"ends the others when an exec fails", "orphans and an exec that fails", broken{wrap: func(c *brokenContainer) {
		c.exec = func(p *specs.Process, io engine.Stdio) (*engine.Process, error) {
			process, err := c.Container.Exec(p, io)
			if err != nil {
				err = errors.Join(err, c.Container.Signal(int(unix.SIGKILL), true))
			}
			return process, err
		}
	}}},
	{"gives terminals no size", "terminal", broken{create: withoutSize}},
	{"gives the terminals of execs no size", "terminal of an exec", broken{wrap: func(c *brokenContainer) {
		c.exec = func(p *specs.Process, io engine.Stdio) (*engine.Process, error) {
			small := *p
			small.ConsoleSize = nil
			return c.Container.Exec(&small, io)
		}
	}}},
	{"says that a process is the user's from the beginning", "which program a process executes",
		broken{wrap: func(c *brokenContainer) {
			faulty := *c.Container.Init()
			faulty.Executed = func() bool { return true }
			c.init = &faulty
		}}},
	{"forgets containers", "a loaded container", broken{load: func(engine.Options) (engine.Container, error) {
		return nil, mctr.ErrNotFound
	}}},
	{"loads what was deleted", "a loaded container", broken{load: func(o engine.Options) (engine.Container, error) {
		c, err := libcontainer.New().Load(o)
		if errors.Is(err, mctr.ErrNotFound) {
			err = nil
		}
		return c, err
	}}},
	{"makes no devices", "the default devices", broken{create: withMountOverDevices}},
	{"runs no poststop hooks", "the order of hooks",
		broken{create: withHooks(func(h *specs.Hooks) { h.Poststop = nil })}},
	{"exchanges the kinds of hooks", "the order of hooks", broken{create: withHooks(func(h *specs.Hooks) {
		h.CreateRuntime, h.CreateContainer = h.CreateContainer, h.CreateRuntime
	})}},
	{"passes over a hook that fails", "hooks that fail",
		broken{create: withHooks(func(h *specs.Hooks) { h.CreateRuntime = nil })}},
	{"passes no descriptors", "further descriptors", broken{create: withOptions(func(o *engine.Options) {
		o.Stdio.Extra = nil
	})}},
	{"prepares nothing", "a prepared directory", broken{create: withOptions(func(o *engine.Options) {
		o.Prepare = nil
	})}},
	{"execs without output", "exec", broken{wrap: func(c *brokenContainer) {
		c.exec = func(p *specs.Process, io engine.Stdio) (*engine.Process, error) {
			io.Stdout, io.Stderr = nil, nil
			return c.Container.Exec(p, io)
		}
	}}},
}

// changed creates a container from a copy of the spec.
func changed(ctx context.Context, good engine.Engine, o engine.Options, change func(*specs.Spec)) (engine.Container,
	error) {
	s, p := *o.Spec, *o.Spec.Process
	s.Process = &p
	change(&s)
	o.Spec = &s
	return good.Create(ctx, o)
}

func withOptions(change func(*engine.Options)) func(context.Context, engine.Engine, engine.Options) (engine.Container,
	error) {
	return func(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
		change(&o)
		return good.Create(ctx, o)
	}
}

func withoutSize(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
	return changed(ctx, good, o, func(s *specs.Spec) { s.Process.ConsoleSize = nil })
}

func withMountOverDevices(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
	return changed(ctx, good, o, func(s *specs.Spec) {
		over := specs.Mount{Destination: "/dev", Type: "bind", Source: "rootfs/tmp", Options: []string{"bind"}}
		s.Mounts = append(slices.Clone(s.Mounts[:1]), over)
	})
}

func withHooks(change func(*specs.Hooks)) func(context.Context, engine.Engine, engine.Options) (engine.Container,
	error) {
	return func(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
		return changed(ctx, good, o, func(s *specs.Spec) {
			if s.Hooks != nil {
				h := *s.Hooks
				change(&h)
				s.Hooks = &h
			}
		})
	}
}

// startedTooEarly returns when the command has done what the case looks for.
func startedTooEarly(ctx context.Context, good engine.Engine, o engine.Options) (engine.Container, error) {
	c, err := good.Create(ctx, o)
	if err != nil {
		return nil, err
	}
	err = c.Start()
	if strings.Contains(strings.Join(o.Spec.Process.Args, " "), ">/tmp/made") {
		for _, missing := os.Stat("rootfs/tmp/made"); missing != nil; _, missing = os.Stat("rootfs/tmp/made") {
			runtime.Gosched()
		}
	}
	return &brokenContainer{Container: c, start: nothing}, err
}

// TestSuiteFailsBroken wants each broken engine to fail its case.
func TestSuiteFailsBroken(t *testing.T) {
	for _, c := range brokenEngines {
		t.Run(c.name, func(t *testing.T) {
			if len(enginetest.Failures(t, c.fails, func() engine.Engine { return c.e })) == 0 {
				t.Errorf("the suite did not fail it for %q", c.fails)
			}
		})
	}
}

// TestSuiteFailsBlind wants the case of each property to fail an engine that ignores the property.
func TestSuiteFailsBlind(t *testing.T) {
	for _, name := range enginetest.Ignored(t, libcontainer.New) {
		t.Errorf("an engine without it passes %q", name)
	}
}
