package enginetest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// hookKinds are the kinds of hooks in the order of the lifecycle (runtime.md), and the status of
// the container that each kind receives on its standard input.
var hookKinds = []struct {
	name   string
	status specs.ContainerState
	list   func(*specs.Hooks) *hooks
	lacks  map[string]string
}{
	//lint:ignore SA1019 deprecated, and not removed
	{"prestart", specs.StateCreating, func(h *specs.Hooks) *hooks { return &h.Prestart }, crunState},
	{"createRuntime", specs.StateCreating, func(h *specs.Hooks) *hooks { return &h.CreateRuntime }, crunState},
	{"createContainer", specs.StateCreating, func(h *specs.Hooks) *hooks { return &h.CreateContainer }, crunState},
	{"startContainer", specs.StateCreated, func(h *specs.Hooks) *hooks { return &h.StartContainer }, crunState},
	{"poststart", specs.StateRunning, func(h *specs.Hooks) *hooks { return &h.Poststart }, runcPoststart},
	{"poststop", specs.StateStopped, func(h *specs.Hooks) *hooks { return &h.Poststop }, nil},
}

type hooks = []specs.Hook

// crunState and runcPoststart excuse runtimes that deviate from the specification.
var (
	crunState = map[string]string{
		"crun": "crun 1.8 says that a container is created or starting which is being created, some without its pid",
	}
	runcPoststart = map[string]string{"runc": "runc 1.1 runs them at create"}
	hookTimes     = map[string]string{
		"runc": runcPoststart["runc"], "crun": "crun 1.8 runs poststart hooks beside those of startContainer",
	}
)

// hookProperties are a hook of each kind. The case hookOrder checks their order.
var hookProperties = func() (all []property) {
	for i, kind := range hookKinds {
		all = append(all, property{
			name: "hooks." + kind.name, read: sees(kind.name), lacks: kind.lacks,
			set: func(b *bench, s *specs.Spec) {
				s.Annotations = map[string]string{"org.example.key": "value"}
				addHook(b, s, i, "cat >"+tmpOf(b, kind.name)+"/state; echo $A $0 >"+tmpOf(b, kind.name)+"/arguments")
			},
			wants: func(b *bench, _ string) bool { return b.hookRan(kind.name, kind.status) },
		})
	}
	return all
}()

// sees reports a hook that should have run by now, but has not.
func sees(kind string) func(*bench, engine.Container) string {
	return func(b *bench, _ engine.Container) string {
		if kind == "poststop" {
			return ""
		}
		if _, err := os.Stat(filepath.Join(b.bundle, "rootfs/tmp/arguments")); errors.Is(err, fs.ErrNotExist) {
			return "no hook ran"
		}
		return ""
	}
}

// tmpOf returns the path at which a hook of this kind sees the container's /tmp. Only
// startContainer hooks run in the container.
func tmpOf(b *bench, kind string) string {
	if kind == "startContainer" {
		return "/tmp"
	}
	return filepath.Join(b.bundle, "rootfs/tmp")
}

// addHook adds a script as a hook, run by a shell of the host or of the container.
func addHook(b *bench, s *specs.Spec, i int, script string) {
	b.Helper()
	hook := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script, "zero"},
		Env: []string{"A=hook", "PATH=/usr/bin:/bin"}}
	if hookKinds[i].name == "startContainer" {
		hook.Path, hook.Args = "/bin/busybox", append([]string{"busybox"}, hook.Args...)
	}
	if s.Hooks == nil {
		s.Hooks = &specs.Hooks{}
	}
	list := hookKinds[i].list(s.Hooks)
	*list = append(*list, hook)
}

// hookRan checks the files that the hook wrote, and that the state is the container's.
func (b *bench) hookRan(kind string, status specs.ContainerState) bool {
	b.Helper()
	tmp := filepath.Join(b.bundle, "rootfs/tmp")
	arguments, err := os.ReadFile(filepath.Join(tmp, "arguments"))
	if err != nil || string(arguments) != "hook zero\n" {
		b.Errorf("the hook's environment and arguments: %q, %v", arguments, err)
		return false
	}
	data, err := os.ReadFile(filepath.Join(tmp, "state"))
	if err != nil {
		b.Error(err)
		return false
	}
	var state specs.State
	if err := json.Unmarshal(data, &state); err != nil {
		b.Errorf("the state %q: %v", data, err)
		return false
	}
	if state.ID != id || state.Bundle != b.bundle || state.Status != status || state.Version == "" ||
		state.Annotations["org.example.key"] != "value" || (state.Pid > 0) != (status != specs.StateStopped) {
		b.Errorf("the state of a %s hook: %s", kind, data)
		return false
	}
	return true
}

// hookOrder wants two hooks of each kind, and the command, to run in the order of the lifecycle.
func hookOrder(b *bench) {
	s := spec(sh("echo command >>/tmp/order; sleep 100"))
	var want []string
	for i, kind := range hookKinds {
		for _, name := range []string{kind.name, kind.name + " again"} {
			addHook(b, s, i, "sleep 0.1; echo "+name+" >>"+tmpOf(b, kind.name)+"/order")
			want = append(want, name)
		}
		if kind.name == "startContainer" {
			want = append(want, "command")
		}
	}
	c := b.startSpec(s)
	if err := c.RunPoststart(); err != nil {
		b.Error(err)
	}
	order := filepath.Join(b.bundle, "rootfs/tmp/order")
	b.eventually("the command runs", func() bool {
		data, _ := os.ReadFile(order)
		return strings.Contains(string(data), "command")
	})
	b.kill(c)
	data, err := os.ReadFile(order)
	// The command and the poststart hooks run at the same time.
	got := strings.Split(strings.TrimSpace(string(data)), "\n")
	isCommand := func(line string) bool { return line == "command" }
	if err != nil || !slices.Equal(slices.DeleteFunc(slices.Clone(got), isCommand),
		slices.DeleteFunc(slices.Clone(want), isCommand)) {
		b.Errorf("the order is %q, %v; want %q", got, err, want)
	}
	if slices.Index(got, "command") < slices.Index(got, "startContainer again") {
		b.Errorf("the command ran before the startContainer hooks: %q", got)
	}
}

// failingHooks wants a failing hook to end the container before the command runs.
func failingHooks(b *bench) {
	for i, kind := range hookKinds[:3] {
		s := spec(sh("exit 0"))
		addHook(b, s, i, "exit 3")
		if c, err := b.try(s); err == nil {
			b.Errorf("a container was made although a %s hook failed", kind.name)
			b.kill(c)
		}
	}
	s := spec(sh("echo >/tmp/made"))
	addHook(b, s, 3, "exit 3")
	c, err := b.try(s)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(c.Start(), c.RunPoststart()); err == nil {
		b.Error("the command was started although a startContainer hook failed")
	}
	_ = c.Signal(int(unix.SIGKILL), false)
	_, _ = c.Init().Wait()
	b.delete(c)
	if _, err := os.Stat(filepath.Join(b.bundle, "rootfs/tmp/made")); err == nil {
		b.Error("the command ran")
	}
}
