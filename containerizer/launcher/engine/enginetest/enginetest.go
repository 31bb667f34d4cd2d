// Package enginetest is the contract of an engine.Engine, as a test suite that every engine runs.
//
// Each case creates a container of a static busybox in its own namespaces. Afterwards, no process,
// cgroup or record of the container may be left. On disk: below the test's directory. Nothing
// survives a case.
package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
)

// Run tests the engine that open returns. The suite lists the cases that the engine of this name is
// known to fail. The test's process becomes the parent and reaper of the containers, and changes to
// their bundle.
func Run(t *testing.T, name string, open func() engine.Engine) {
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			if why, ok := c.lacks[name]; ok {
				if len(c.failures(t, open)) == 0 {
					t.Errorf("%s does what it is excepted from: %s", name, why)
				}
				return
			}
			b := newBench(t, open)
			c.run(b)
			b.wantNothing()
		})
	}
}

const takesPaths = "the program takes the path of a socket, and no descriptor of one"

// A suiteCase is one part of the contract.
type suiteCase struct {
	name  string
	run   func(*bench)
	lacks map[string]string // the engines that fail the case, and why
}

// allCases returns all cases, except for those that a short test omits: see tables.
func allCases() (all []suiteCase) {
	for _, p := range tables() {
		all = append(all, p.cases()...)
	}
	all = append(all, cases...)
	if testing.Short() {
		return all
	}
	return append(all, casesWithoutCgroups...)
}

// cases are the operations on a container; tables has the properties of a container.
var cases = []suiteCase{
	{"exit codes", exitCodes, nil},
	{"nothing runs before start", blockedUntilStart, nil},
	{"a command that is not there", commandNotFound, nil},
	{"a command that cannot be invoked", commandNotInvocable, nil},
	{"a spec that cannot be", nothingAfterFailure, nil},
	{"exec", execs, nil},
	{"signals", signals, nil},
	{"pause and resume", freezes, nil},
	{"limits are updated", updates, nil},
	{"terminal", terminals, nil},
	{"terminal of an exec", execTerminals, nil},
	{"processes of a shared namespace", sharedPIDs, nil},
	{"orphans and an exec that fails", orphansOfFailure, nil},
	{"seccomp", filters, nil},
	{"a loaded container", loads, nil},
}

// casesWithoutCgroups do not depend on the version of cgroups.
var casesWithoutCgroups = []suiteCase{
	{"which program a process executes", executes, nil},
	{"the default devices", defaultDevices, nil},
	{"the order of hooks", hookOrder, hookTimes},
	{"hooks that fail", failingHooks, nil},
	{"further descriptors", descriptors, nil},
	{"a prepared directory", prepares, nil},
	{"no pivot", withoutPivot, nil},
	{"a pidfd", pidfds, map[string]string{"runc": takesPaths, "crun": takesPaths}},
}

// A bench is the environment of one case.
type bench struct {
	testing.TB
	open             func() engine.Engine
	engine           engine.Engine
	root, bundle     string
	cache            string   // Options.Cache
	out              *os.File // reads the container's stdout
	unread           map[io.Reader]string
	mounts           []string
	createdNamespace string // the namespace that the case has created
	endProcess       func() // ends the process that holds it, if one does
}

func newBench(t testing.TB, open func() engine.Engine) *bench {
	b := &bench{TB: t, open: open, engine: open(), root: t.TempDir(), bundle: bundle(t), unread: map[io.Reader]string{}}
	t.Chdir(b.bundle)
	return b
}

const id = "enginetest"

// group contains the pid because the suites of several engines run at the same time.
var group = fmt.Sprintf("/mctr-enginetest-%d/main", os.Getpid())

// bundle creates a bundle whose root filesystem has one program.
func bundle(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // so that the root of a user namespace can enter it
		t.Fatal(err)
	}
	data, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err, "(apt-get install busybox-static)")
	}
	for _, sub := range []string{"bin", "proc", "dev", "tmp", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, "rootfs", sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs/bin/busybox"), data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs/etc/plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func process(args ...string) *specs.Process {
	return &specs.Process{Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, NoNewPrivileges: true}
}

func sh(script string) *specs.Process { return process("busybox", "sh", "-c", script) }

func spec(p *specs.Process) *specs.Spec {
	return &specs.Spec{
		Version: "1.0.2", Process: p, Root: &specs.Root{Path: "rootfs"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
				Options: []string{"newinstance", "ptmxmode=0666"}},
		},
		Linux: &specs.Linux{
			CgroupsPath: group, Resources: &specs.LinuxResources{},
			Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace},
				{Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.NetworkNamespace}},
		},
	}
}

// try creates a container whose stdout is b.out.
func (b *bench) try(s *specs.Spec) (engine.Container, error) {
	b.Helper()
	stdio, out := b.stdio(s.Process.Terminal)
	defer closeStdio(stdio)
	b.out = out
	return b.tryWith(s, engine.Options{Stdio: stdio})
}

// tryWith creates a container with the options o, some of which it sets itself.
func (b *bench) tryWith(s *specs.Spec, o engine.Options) (engine.Container, error) {
	b.Helper()
	o.ID, o.Bundle, o.Root, o.Cache, o.Spec = id, b.bundle, b.root, b.cache, s
	config, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.bundle, "config.json"), config, 0o644); err != nil {
		b.Fatal(err)
	}
	return b.engine.Create(b.Context(), o)
}

func (b *bench) stdio(terminal bool) (engine.Stdio, *os.File) {
	b.Helper()
	if terminal {
		return engine.Stdio{}, nil
	}
	in, err := os.Open(os.DevNull)
	if err != nil {
		b.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	return engine.Stdio{Stdin: in, Stdout: w, Stderr: w}, r
}

func closeStdio(s engine.Stdio) {
	if s.Stdin != nil {
		_, _ = s.Stdin.Close(), s.Stdout.Close()
	}
}

func (b *bench) create(p *specs.Process) engine.Container {
	b.Helper()
	c, err := b.try(spec(p))
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func (b *bench) start(p *specs.Process) engine.Container {
	b.Helper()
	return b.startSpec(spec(p))
}

// startSpec starts a container whose stdout is b.out.
func (b *bench) startSpec(s *specs.Spec) engine.Container {
	b.Helper()
	stdio, out := b.stdio(s.Process.Terminal)
	defer closeStdio(stdio)
	b.out = out
	return b.startWith(s, engine.Options{Stdio: stdio})
}

func (b *bench) startWith(s *specs.Spec, o engine.Options) engine.Container {
	b.Helper()
	c, err := b.tryWith(s, o)
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// exec runs a further process in the container and returns it with its output.
func (b *bench) exec(c engine.Container, p *specs.Process) (*engine.Process, *os.File) {
	b.Helper()
	stdio, out := b.stdio(false)
	process, err := c.Exec(p, stdio)
	closeStdio(stdio)
	if err != nil {
		b.Fatal(err)
	}
	return process, out
}

// ends waits for p to exit and wants its status.
func (b *bench) ends(p *engine.Process, want engine.WaitStatus) {
	b.Helper()
	got, err := p.Wait()
	if err != nil || got != want {
		b.Errorf("ended by %+v, %v; want %+v", got, err, want)
	}
}

// delete deletes the container, and once more, which must succeed too.
func (b *bench) delete(c engine.Container) {
	b.Helper()
	for range 2 {
		if err := c.Delete(); err != nil {
			b.Errorf("delete: %v", err)
		}
	}
}

// wantNothing fails the case if the container left anything behind.
func (b *bench) wantNothing() {
	b.Helper()
	if pids, err := cgroup.Pids(group); err != nil || len(pids) > 0 {
		b.Errorf("processes: %v, %v", pids, err)
	}
	if dirs := cgroup.Dirs(group); len(dirs) > 0 {
		b.Errorf("control groups: %v", dirs)
	}
	if err := cgroup.Remove(filepath.Dir(group)); err != nil {
		b.Errorf("the groups above: %v", err)
	}
	if left, _ := os.ReadDir(b.root); len(left) > 0 {
		b.Errorf("records: %v", left)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT,
		nil); !errors.Is(err, unix.ECHILD) {
		b.Errorf("children are left: %v", err)
	}
}

func exitCodes(b *bench) {
	for script, want := range map[string]engine.WaitStatus{
		"exit 0": {}, "exit 7": {Code: 7}, "exit 255": {Code: 255},
	} {
		c := b.start(sh(script))
		b.ends(c.Init(), want)
		b.delete(c)
	}
	c := b.start(sh("echo some output"))
	if out, err := io.ReadAll(b.out); err != nil || string(out) != "some output\n" {
		b.Errorf("output: %q, %v", out, err)
	}
	b.ends(c.Init(), engine.WaitStatus{})
	b.delete(c)
}

func blockedUntilStart(b *bench) {
	made := filepath.Join(b.bundle, "rootfs/tmp/made")
	c := b.create(sh("echo >/tmp/made"))
	if len(c.Cgroups()) == 0 {
		b.Error("a created container has no control group")
	}
	if _, err := os.Stat(made); err == nil {
		b.Error("the command ran before start")
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.ends(c.Init(), engine.WaitStatus{})
	if _, err := os.Stat(made); err != nil {
		b.Errorf("the command did not run: %v", err)
	}
	b.delete(c)
	c = b.create(sh("exit 1")) // never started
	if err := c.Signal(int(unix.SIGKILL), false); err != nil {
		b.Error(err)
	}
	b.ends(c.Init(), engine.WaitStatus{Code: 137, Signal: 9})
	b.delete(c)
}

func commandNotFound(b *bench) {
	for _, command := range []string{"nosuch", "/no/such"} {
		if _, err := b.try(spec(process(command))); !errors.Is(err, mctr.ErrCommandNotFound) {
			b.Errorf("%s: %v", command, err)
		}
	}
}

func commandNotInvocable(b *bench) {
	for _, command := range []string{"/etc", "/etc/plain"} {
		if _, err := b.try(spec(process(command))); !errors.Is(err, mctr.ErrCommandInvoke) {
			b.Errorf("%s: %v", command, err)
		}
	}
}

func nothingAfterFailure(b *bench) {
	for name, spoil := range map[string]func(*specs.Spec){
		"a mount": func(s *specs.Spec) {
			s.Mounts = append(s.Mounts,
				specs.Mount{Destination: "/x", Type: "bind", Source: "/no/such", Options: []string{"bind"}})
		},
		"a directory": func(s *specs.Spec) { s.Process.Cwd = "/etc/plain" },
		"the root":    func(s *specs.Spec) { s.Root.Path = "nosuch" },
		"a rlimit":    func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_BOGUS"}} },
	} {
		s := spec(sh("exit 0"))
		spoil(s)
		if _, err := b.try(s); err == nil {
			b.Errorf("%s: a container was made", name)
		}
	}
	c := b.start(sh("exit 3")) // the id is free again
	b.ends(c.Init(), engine.WaitStatus{Code: 3})
	b.delete(c)
}

func execs(b *bench) {
	c := b.start(sh("sleep 100"))
	p, out := b.exec(c, sh("echo $$ >/tmp/x; echo inside; exit 6"))
	b.ends(p, engine.WaitStatus{Code: 6})
	if text, err := io.ReadAll(out); err != nil || string(text) != "inside\n" {
		b.Errorf("output: %q, %v", text, err)
	}
	for command, want := range map[string]error{"nosuch": mctr.ErrCommandNotFound, "/etc": mctr.ErrCommandInvoke} {
		stdio, _ := b.stdio(false)
		_, err := c.Exec(process(command), stdio)
		closeStdio(stdio)
		if !errors.Is(err, want) {
			b.Errorf("exec %s: %v, want %v", command, err, want)
		}
	}
	b.eventually("what failed is reaped", func() bool { // or init could not exit: see Exec of engine.Container
		pids, _ := cgroup.Pids(group)
		reaped, _ := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		return len(pids) == 1 && reaped == 0
	})
	b.kill(c)
}

// kill kills and deletes a running container.
func (b *bench) kill(c engine.Container) {
	b.Helper()
	if err := c.Signal(int(unix.SIGKILL), false); err != nil {
		b.Error(err)
	}
	b.ends(c.Init(), engine.WaitStatus{Code: 137, Signal: 9})
	b.delete(c)
}

func signals(b *bench) {
	c := b.start(sh("trap 'exit 4' TERM; echo ready; while :; do sleep 0.02; done"))
	b.reads(b.out, "ready")
	if err := c.Signal(int(unix.SIGTERM), false); err != nil {
		b.Error(err)
	}
	b.ends(c.Init(), engine.WaitStatus{Code: 4})
	for _, all := range []bool{false, true} {
		if err := c.Signal(int(unix.SIGTERM), all); err != nil {
			b.Errorf("one that has ended, all %v: %v", all, err)
		}
	}
	b.delete(c)
}

// reads waits until r delivers text, for at most ten seconds if r is a pipe or a terminal. It keeps
// what follows the text for the next call.
func (b *bench) reads(r io.Reader, text string) {
	b.Helper()
	if f, ok := r.(*os.File); ok {
		_ = f.SetReadDeadline(time.Now().Add(10 * time.Second))
		defer func() { _ = f.SetReadDeadline(time.Time{}) }()
	}
	for buf := make([]byte, 100); ; {
		if _, rest, found := strings.Cut(b.unread[r], text); found {
			b.unread[r] = rest
			return
		}
		n, err := r.Read(buf)
		b.unread[r] += string(buf[:n])
		if err != nil && !strings.Contains(b.unread[r], text) {
			b.Fatalf("%q, then %v; want %q", b.unread[r], err, text)
		}
	}
}

func freezes(b *bench) {
	c := b.start(sh("while :; do echo tick; sleep 0.01; done"))
	b.reads(b.out, "tick")
	if err := c.Pause(); err != nil {
		b.Fatal(err)
	}
	if !cgroup.Frozen(group) {
		b.Error("it is not frozen")
	}
	if err := c.Resume(); err != nil {
		b.Fatal(err)
	}
	if cgroup.Frozen(group) {
		b.Error("it is still frozen")
	}
	b.reads(b.out, "tick")
	if err := c.Pause(); err != nil {
		b.Fatal(err)
	}
	b.kill(c) // SIGKILL is the only signal that reaches a frozen process
}

func updates(b *bench) {
	c := b.start(sh("sleep 100"))
	if err := c.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(33))}}); err != nil {
		b.Error(err)
	}
	file := filepath.Join(cgroup.Dir("pids", group), "pids.max")
	if data, err := os.ReadFile(file); err != nil || string(data) != "33\n" {
		b.Errorf("pids.max: %q, %v", data, err)
	}
	p, err := c.Exec(sh("exit 6"), engine.Stdio{})
	if err != nil {
		b.Fatal("a process after the update: ", err)
	}
	if status, err := p.Wait(); err != nil || status.Code != 6 {
		b.Errorf("a process after the update: %+v, %v", status, err)
	}
	b.kill(c)
}

// execTerminals wants an exec to have its own terminal. The command waits for a line of input,
// because crun starts it before it sets the terminal's size.
func execTerminals(b *bench) {
	c := b.start(sh("sleep 100"))
	p := sh("read line; test -t 0 && echo $(busybox stty size) on a terminal; exit 5")
	p.Terminal, p.ConsoleSize = true, &specs.Box{Width: 73, Height: 21}
	exec, err := c.Exec(p, engine.Stdio{})
	if err != nil {
		b.Fatal(err)
	}
	if exec.Console == nil {
		b.Fatal("there is no terminal")
	}
	defer exec.Console.Close()
	_ = exec.Console.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := exec.Console.WriteString("\n"); err != nil {
		b.Error(err)
	}
	b.reads(exec.Console, "21 73 on a terminal\r\n")
	b.ends(exec, engine.WaitStatus{Code: 5})
	b.kill(c)
}

// sharedPIDs wants a signal to all processes to reach those that survive init, in a container
// without its own pid namespace. This process or its parent inherits them.
func sharedPIDs(b *bench) {
	c := b.startShared(sh("sleep 100 & echo started; exit 2"))
	b.reads(b.out, "started")
	b.ends(c.Init(), engine.WaitStatus{Code: 2})
	b.eventually("the group holds one process", func() bool { // it may list a reaped init for a moment
		pids, err := cgroup.Pids(group)
		return err == nil && len(pids) == 1
	})
	if err := c.Signal(int(unix.SIGKILL), true); err != nil {
		b.Error(err)
	}
	b.reap()
	b.delete(c)
}

// startShared starts a container without a pid namespace of its own.
func (b *bench) startShared(p *specs.Process) engine.Container {
	b.Helper()
	s := spec(p)
	s.Linux.Namespaces = s.Linux.Namespaces[1:]
	return b.startSpec(s)
}

// orphansOfFailure creates orphans in a container while an exec fails. The failure must not affect
// them: each prints its line.
func orphansOfFailure(b *bench) {
	c := b.startShared(
		sh("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (sleep 0.3 && echo x &); sleep 0.02; " +
			"done; echo made"))
	stdio, _ := b.stdio(false)
	defer closeStdio(stdio)
	for range 5 {
		if _, err := c.Exec(process("nosuch"), stdio); err == nil {
			b.Error("a command that is not there was executed")
		}
	}
	b.ends(c.Init(), engine.WaitStatus{})
	if out, err := io.ReadAll(b.out); err != nil || strings.Count(string(out), "x") != 20 {
		b.Errorf("of twenty orphans: %q, %v", out, err)
	}
	b.reap()
	b.delete(c)
}

// reap waits for a container's orphans, which this process or its parent inherits.
func (b *bench) reap() {
	b.Helper()
	b.eventually("the orphans are dead", func() bool {
		_, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		pids, _ := cgroup.Pids(group)
		return len(pids) == 0 && errors.Is(err, unix.ECHILD)
	})
}

func (b *bench) eventually(what string, ok func() bool) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("not after ten seconds: %s", what)
		}
	}
}

func terminals(b *bench) {
	p := sh("busybox stty size; test -t 0 && echo a terminal")
	p.Terminal, p.ConsoleSize = true, &specs.Box{Width: 91, Height: 17}
	c := b.create(p)
	master := c.Init().Console
	if master == nil {
		b.Fatal("there is no terminal")
	}
	defer master.Close()
	_ = master.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.reads(master, fmt.Sprintf("%d %d\r\n", p.ConsoleSize.Height, p.ConsoleSize.Width))
	b.reads(master, "a terminal")
	b.ends(c.Init(), engine.WaitStatus{})
	b.delete(c)
}

// mountOnce makes dir a mount with shared propagation until the end of the case.
func (b *bench) mountOnce(dir string) {
	b.Helper()
	if slices.Contains(b.mounts, dir) {
		return
	}
	b.mounts = append(b.mounts, dir)
	b.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		b.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		b.Fatal(err)
	}
}
