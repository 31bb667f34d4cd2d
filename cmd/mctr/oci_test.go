package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/visible"
)

// A bundle is a bundle that mctr has written, with its own control group and state for a runtime.
type bundle struct {
	*host
	dir, state, group string
}

// unpacked writes a bundle that runs script.
func (h *host) unpacked(script string) *bundle {
	h.t.Helper()
	dir := filepath.Join(h.t.TempDir(), "bundle")
	h.want(0, "image", "unpack", "-q", h.image, dir)
	b := &bundle{host: h, dir: dir, state: filepath.Join(h.t.TempDir(), "oci"),
		group: fmt.Sprintf("/mctr-oci-test-%d/main", os.Getpid())}
	b.edit(func(s *specs.Spec) {
		s.Process.Args = []string{"sh", "-c", script}
		s.Linux.CgroupsPath = b.group
	})
	h.t.Cleanup(func() {
		if h.t.Failed() { // otherwise every later case fails, too
			for _, id := range strings.Fields(h.finish(b.ociIn(context.Background(), "list", "-q")).stdout) {
				h.finish(b.ociIn(context.Background(), "delete", "--force", id))
			}
		}
		if dirs := cgroup.Dirs(b.group); len(dirs) > 0 {
			h.t.Errorf("control groups are left: %v", dirs)
		}
		if err := cgroup.Remove(filepath.Dir(b.group)); err != nil {
			h.t.Error(err)
		}
	})
	return b
}

func (b *bundle) edit(change func(*specs.Spec)) {
	b.t.Helper()
	path := filepath.Join(b.dir, "config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	spec := &specs.Spec{}
	if err := json.Unmarshal(data, spec); err != nil {
		b.t.Fatal(err)
	}
	change(spec)
	if data, err = json.Marshal(spec); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// command returns a command of the runtime for the bundle, through "mctr oci".
func (b *bundle) oci(args ...string) *exec.Cmd {
	b.t.Helper()
	return b.ociIn(b.t.Context(), args...)
}

func (b *bundle) ociIn(ctx context.Context, args ...string) *exec.Cmd {
	b.t.Helper()
	cmd := exec.CommandContext(ctx, program(b.t), append([]string{"oci", "--root", b.state}, args...)...)
	cmd.Dir = b.dir
	return cmd
}

func (b *bundle) wantOCI(code int, args ...string) result {
	b.t.Helper()
	r := b.finish(b.oci(args...))
	if r.code != code {
		b.t.Fatalf("mctr oci %s: exit code %d, want %d: %s%s", strings.Join(args, " "), r.code, code, r.stdout,
			r.stderr)
	}
	return r
}

// detached runs a command whose streams the container inherits.
func (b *bundle) detached(args ...string) {
	b.t.Helper()
	if err := b.oci(args...).Run(); err != nil {
		b.t.Fatalf("mctr oci %s: %v", strings.Join(args, " "), err)
	}
}

// TestOCIVerbs runs a container through all commands of the OCI runtime.
func TestOCIVerbs(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("sleep 1000")
	b.detached("create", "--pid-file", "pid", "web")
	b.phase("created")
	b.wantOCI(1, "delete", "nosuch")
	if r := b.wantOCI(1, "create", "web"); !strings.Contains(r.stderr, "exist") {
		t.Errorf("the id again: %+v", r)
	}
	b.wantOCI(0, "start", "web")
	if state := b.phase("running"); strconv.Itoa(state.Pid) != b.read("pid") {
		t.Errorf("pid file: %s, state: %d", b.read("pid"), state.Pid)
	}
	b.wantOCI(1, "start", "web")
	b.wantOCI(1, "delete", "web")
	b.execs()
	b.figures()
	b.wantOCI(0, "pause", "web")
	b.phase("paused")
	if r := b.wantOCI(255, "exec", "web", "true"); !strings.Contains(r.stderr, "paused") {
		t.Errorf("exec in a paused one: %+v", r)
	}
	b.wantOCI(0, "resume", "web")
	b.wantOCI(0, "kill", "web", "KILL")
	b.stopped()
	b.wantOCI(0, "kill", "--all", "web", "9")
	b.wantOCI(0, "delete", "web")
	b.wantOCI(0, "delete", "--force", "web")
	b.wantOCI(1, "state", "web")
}

func (b *bundle) phase(want string) (state specs.State) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(b.wantOCI(0, "state", "web").stdout), &state); err != nil ||
		string(state.Status) != want || state.Bundle != b.dir {
		b.t.Errorf("state: %+v, %v; want %s of %s", state, err, want, b.dir)
	}
	return state
}

func (b *bundle) stopped() {
	b.t.Helper()
	b.eventually("it is stopped", func() bool {
		return strings.Contains(b.wantOCI(0, "state", "web").stdout, `"stopped"`)
	})
}

func (b *bundle) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

func (b *bundle) execs() {
	b.t.Helper()
	if r := b.wantOCI(4, "exec", "--env", "A=b", "--cwd", "/tmp", "-u", "1000:1000", "web", "sh", "-c",
		"echo $A $PWD $(id -u); exit 4"); r.stdout != "b /tmp 1000\n" {
		b.t.Errorf("exec: %+v", r)
	}
	b.wantOCI(255, "exec", "web", "nosuch")
	if err := os.WriteFile(filepath.Join(b.dir, "p.json"),
		[]byte(`{"args":["sh","-c","cat <&3"],"cwd":"/","env":["PATH=/bin"]}`), 0o600); err != nil {
		b.t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(b.dir, "p.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer file.Close()
	cmd := b.oci("exec", "--preserve-fds", "1", "--process", "p.json", "web")
	cmd.ExtraFiles = []*os.File{file}
	if r := b.finish(cmd); r.code != 0 || r.stdout != b.read("p.json") {
		b.t.Errorf("a preserved descriptor: %+v", r)
	}
	b.wantOCI(255, "exec", "--preserve-fds", "9", "web", "true")
}

// figures checks the output of commands about a running container.
func (b *bundle) figures() {
	b.t.Helper()
	b.wantOCI(0, "update", "--memory", "48m", "--pids-limit", "77", "web")
	cmd := b.oci("update", "--resources", "-", "web")
	cmd.Stdin = strings.NewReader(`{"cpu":{"shares":512}}`)
	if r := b.finish(cmd); r.code != 0 {
		b.t.Errorf("update from stdin: %+v", r)
	}
	var event struct {
		Type string
		Data struct {
			Pids   struct{ Current, Limit uint64 }
			Memory struct{ Usage struct{ Limit uint64 } }
		}
	}
	if err := json.Unmarshal([]byte(b.wantOCI(0, "events", "--stats", "web").stdout), &event); err != nil {
		b.t.Fatal(err)
	}
	if event.Type != "stats" || event.Data.Pids.Limit != 77 || event.Data.Memory.Usage.Limit != 48<<20 ||
		event.Data.Pids.Current == 0 {
		b.t.Errorf("events: %+v", event)
	}
	pid := b.read("pid")
	if r := b.wantOCI(0, "ps", "--format", "json", "web"); !strings.Contains(r.stdout, pid) {
		b.t.Errorf("ps: %s lacks %s", r.stdout, pid)
	}
	if r := b.wantOCI(0, "ps", "web"); strings.Count(r.stdout, "\n") != 2 || !strings.Contains(r.stdout, "sleep 1000") {
		b.t.Errorf("ps: %s", r.stdout)
	}
	if r := b.wantOCI(0, "list", "-q"); r.stdout != "web\n" {
		b.t.Errorf("list: %+v", r)
	}
	var listed []struct{ ID, Status string }
	if err := json.Unmarshal([]byte(b.wantOCI(0, "list", "--format=json").stdout), &listed); err != nil ||
		len(listed) != 1 || listed[0].Status != "running" {
		b.t.Errorf("list: %+v, %v", listed, err)
	}
}

// TestOCIWithoutProcess runs a container whose config.json has no process through all commands. Adding
// a process to the file later has no effect.
func TestOCIWithoutProcess(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("true")
	var process *specs.Process
	b.edit(func(s *specs.Spec) { process, s.Process = s.Process, nil })
	if r := b.wantOCI(1, "run", "web"); !strings.Contains(r.stderr, "no process to run") {
		t.Errorf("run: %+v", r)
	}
	b.wantOCI(1, "state", "web")
	b.detached("create", "--pid-file", "pid", "web")
	b.phase("created")
	if r := b.wantOCI(3, "exec", "--env", "A=b", "web", "sh", "-c", "echo $A $PWD; exit 3"); r.stdout != "b /\n" {
		t.Errorf("exec: %+v", r)
	}
	b.edit(func(s *specs.Spec) { s.Process = process })
	if r := b.wantOCI(1, "start", "web"); !strings.Contains(r.stderr, "no process to start") {
		t.Errorf("start: %+v", r)
	}
	b.phase("created")
	b.wantOCI(0, "pause", "web")
	b.wantOCI(0, "resume", "web")
	b.wantOCI(0, "kill", "web", "KILL")
	b.stopped()
	b.wantOCI(0, "delete", "web")
	b.edit(func(s *specs.Spec) {
		s.Process, s.Mounts = nil,
			slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/proc" })
	})
	if r := b.wantOCI(1, "create", "web"); !strings.Contains(r.stderr, "mounts no /proc") {
		t.Errorf("create without /proc: %+v", r)
	}
}

// TestOCIRun tests run in the foreground: streams, exit codes, signals, hooks, and an unknown version of
// the specification.
func TestOCIRun(t *testing.T) {
	h := newHost(t)
	b := h.unpacked(`read line; echo "got $line"; echo err >&2; exit 5`)
	cmd := b.oci("run", "fg")
	cmd.Stdin = strings.NewReader("text\n")
	if r := b.finish(cmd); r != (result{"got text\n", "err\n", 5}) {
		t.Errorf("run: %+v", r)
	}
	b.edit(func(s *specs.Spec) { s.Process.Args = []string{"sh", "-c", "kill -9 $$"} })
	b.edit(func(s *specs.Spec) { // signals from inside reach init in no pid namespace of its own only
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.NetworkNamespace},
			{Type: specs.UTSNamespace}, {Type: specs.IPCNamespace}}
	})
	b.wantOCI(137, "run", "fg")
	b.edit(func(s *specs.Spec) { s.Version = "2.0.0" })
	if r := b.wantOCI(1, "run", "fg"); !strings.Contains(r.stderr, `2.0.0\": this runtime`) {
		t.Errorf("an unknown version: %+v", r)
	}
	if r := b.wantOCI(1, "--systemd-cgroup", "state", "fg"); !strings.Contains(r.stderr, "does not exist") {
		t.Errorf("nothing is left: %+v", r)
	}
}

// TestOCITerminal tests a terminal: input and output, its size, and that it is restored.
func TestOCITerminal(t *testing.T) {
	h := newHost(t)
	b := h.unpacked(
		`stty size; trap "stty size; exit 8" WINCH; read line; echo "got $line"; while :; do sleep 0.05; done`)
	b.edit(func(s *specs.Spec) { s.Process.Terminal = true })
	s := h.screenOf(b.oci("run", "tty"))
	s.shows("24 80\r\n")
	s.types("typed\r")
	s.shows("got typed\r\n")
	s.resize(31, 91)
	s.shows("31 91\r\n")
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 8 {
		t.Errorf("exit code %d", code)
	}
	if diff := cmp.Diff(s.before, s.termios()); diff != "" {
		t.Errorf("the terminal was changed:\n%s", diff)
	}
}

// TestOCITerminalIsReadyFirst prints at once on a terminal that the caller is slow to accept, and checks
// that the mode and size of the terminal are already set.
func TestOCITerminalIsReadyFirst(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("echo one; stty size")
	b.edit(func(s *specs.Spec) { s.Process.Terminal = true })
	slow := func(args ...string) string {
		cmd := b.oci(args...)
		cmd.Env = append(os.Environ(), failpoint.Env+"=terminal=sleep:300ms")
		s := h.screenOf(cmd)
		s.ends(0)
		s.shows("80\r\n")
		return s.shown()
	}
	const want = "one\r\n24 80\r\n"
	if got := slow("run", "tty"); got != want {
		t.Errorf("run: %q, want %q", got, want)
	}
	b.edit(func(s *specs.Spec) { s.Process.Args, s.Process.Terminal = []string{"sleep", "1000"}, false })
	b.detached("run", "--detach", "web")
	if got := slow("exec", "--tty", "web", "sh", "-c", "echo one; stty size"); got != want {
		t.Errorf("exec: %q, want %q", got, want)
	}
	b.wantOCI(0, "delete", "--force", "web")
}

// TestOCITerminalOfAFailure checks that the terminal is restored when the command is not found, which is
// detected after the terminal was set to raw mode.
func TestOCITerminalOfAFailure(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("true")
	b.edit(func(s *specs.Spec) { s.Process.Terminal, s.Process.Args = true, []string{"nosuch"} })
	h.screenOf(b.oci("run", "tty")).ends(1)
	b.edit(func(s *specs.Spec) { s.Process.Args, s.Process.Terminal = []string{"sleep", "1000"}, false })
	b.detached("run", "--detach", "web")
	h.screenOf(b.oci("exec", "--tty", "web", "nosuch")).ends(255)
	b.wantOCI(0, "delete", "--force", "web")
}

// TestOCIPidfd checks that the pidfd of a process, with and without a terminal, is sent to a socket.
func TestOCIPidfd(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("sleep 1000")
	b.detached("run", "--detach", "web")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(b.dir, "pidfd"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, flags := range [][]string{nil, {"--tty"}} {
		args := append([]string{"exec", "--pidfd-socket", "pidfd"}, flags...)
		s := h.screenOf(b.oci(append(args, "web", "sh", "-c", "echo up; sleep 1000")...))
		_ = listener.SetDeadline(time.Now().Add(10 * time.Second))
		pidfd, err := receivePidfd(listener)
		if err != nil {
			t.Fatalf("exec %v: %v", flags, err)
		}
		s.shows("up\r\n")
		if err := errors.Join(unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0), unix.Close(pidfd)); err != nil {
			t.Errorf("exec %v: signal by the pidfd: %v", flags, err)
		}
		s.ends(137)
	}
	b.wantOCI(0, "delete", "--force", "web")
}

// receivePidfd receives the pidfd that an exec sends.
func receivePidfd(listener *net.UnixListener) (int, error) {
	conn, err := listener.AcceptUnix()
	if err != nil {
		return -1, err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	name, oob := make([]byte, 64), make([]byte, unix.CmsgSpace(4))
	n, rights, _, _, err := conn.ReadMsgUnix(name, oob)
	if err != nil || string(name[:n]) != "setns" {
		return -1, fmt.Errorf("message %q: %w", name[:n], err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:rights])
	if err != nil {
		return -1, err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// say returns a hook that writes its name and the state that it gets to file, and may then fail. It is
// slow, to show that nothing else happens meanwhile, and a poststart hook waits for the command.
func say(name, file string, code int) specs.Hook {
	const script = `sleep 0.05; read -r state; status=${state#*'"status":"'}; echo "$0:${status%%'"'*}" >>$1
		until [ $0 != poststart ] || grep -q command $1; do sleep 0.02; done; exit $2`
	patience := 20
	args := []string{"sh", "-c", script, name, file, strconv.Itoa(code)}
	return specs.Hook{Path: "/bin/sh", Args: args, Timeout: &patience}
}

// hooked writes a bundle with hooks of every kind, which append to the file that heard reads, as the
// command does when it starts. A hook that fails is between two other hooks of its kind.
func (h *host) hooked(fails string) *bundle {
	h.t.Helper()
	b := h.unpacked("echo command >>/tmp/order; while test -e /tmp/wait; do sleep 0.02; done; exit 7")
	hooks := func(kind, dir string) (list []specs.Hook) {
		file := filepath.Join(dir, "tmp/order")
		if kind == fails {
			return []specs.Hook{say(kind, file, 0), say(kind, file, 1), say(kind, file, 0)}
		}
		return []specs.Hook{say(kind, file, 0)}
	}
	rootfs := filepath.Join(b.dir, "rootfs")
	b.edit(func(s *specs.Spec) {
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/tmp" })
		s.Hooks = &specs.Hooks{
			Prestart: hooks("prestart", rootfs), CreateRuntime: hooks("createRuntime", rootfs),
			CreateContainer: hooks("createContainer", rootfs), StartContainer: hooks("startContainer", "/"),
			Poststart: hooks("poststart", rootfs), Poststop: hooks("poststop", rootfs),
		}
	})
	return b
}

// heard returns what the hooks and the command have written since the last call. The lines of poststart
// hooks may be before or after those of the command, and their state running or stopped.
func (b *bundle) heard() string {
	b.t.Helper()
	text := strings.Join(strings.Fields(b.read("rootfs/tmp/order")), " ")
	text = strings.ReplaceAll(text, "poststart:stopped", "poststart:running")
	text = strings.Replace(text, "poststart:running command", "command poststart:running", 1)
	if err := os.Truncate(filepath.Join(b.dir, "rootfs/tmp/order"), 0); err != nil {
		b.t.Fatal(err)
	}
	return text
}

const (
	hooksOfCreate = "prestart:creating createRuntime:creating createContainer:creating"
	hooksOfStart  = "startContainer:created command poststart:running"
)

// TestOCIHooks checks that every hook runs once, in the right command, in the order of the
// specification and with the current state.
func TestOCIHooks(t *testing.T) {
	h := newHost(t)
	b := h.hooked("")
	wait := filepath.Join(b.dir, "rootfs/tmp/wait")
	if err := os.WriteFile(wait, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		verb []string
		want string
	}{
		{[]string{"create", "web"}, hooksOfCreate},
		{[]string{"start", "web"}, hooksOfStart},
		{[]string{"delete", "--force", "web"}, "poststop:stopped"},
	} {
		b.detached(step.verb...)
		h.eventually("the command has begun", func() bool {
			return !strings.Contains(step.want, "command") || strings.Contains(b.read("rootfs/tmp/order"), "command")
		})
		if got := b.heard(); got != step.want {
			t.Errorf("%s: hooks ran as %q, want %q", step.verb, got, step.want)
		}
	}
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	b.wantOCI(7, "run", "web")
	if got, want := b.heard(), hooksOfCreate+" "+hooksOfStart+" poststop:stopped"; got != want {
		t.Errorf("run: hooks ran as %q, want %q", got, want)
	}
}

// TestOCIHookFails checks the effect of failing hooks as in the specification: a failing poststop hook
// causes a warning; any other one kills the container, and the poststop hooks run.
func TestOCIHookFails(t *testing.T) {
	const ends = " poststop:stopped"
	for _, c := range []struct {
		kind        string
		code        int
		says, heard string
	}{
		{"prestart", 1, "error running prestart hook #1", "prestart:creating prestart:creating" + ends},
		{"createRuntime", 1, "error running createRuntime hook #1",
			"prestart:creating createRuntime:creating createRuntime:creating" + ends},
		{"createContainer", 1, "error running createContainer hook #1",
			hooksOfCreate + " createContainer:creating" + ends},
		{"startContainer", 1, "error running startContainer hook #1",
			hooksOfCreate + " startContainer:created startContainer:created" + ends},
		{"poststart", 1, "error running poststart hook #1",
			hooksOfCreate + " " + hooksOfStart + " poststart:running" + ends},
		{"poststop", 7, "error running poststop hook #1", hooksOfCreate + " " + hooksOfStart + ends + ends + ends},
	} {
		t.Run(c.kind, func(t *testing.T) {
			h := newHost(t)
			b := h.hooked(c.kind)
			r := b.wantOCI(c.code, "run", "web")
			if !strings.Contains(r.stderr, c.says) {
				t.Errorf("run says %q, want %q", r.stderr, c.says)
			}
			if got := b.heard(); got != c.heard {
				t.Errorf("hooks ran as %q, want %q", got, c.heard)
			}
			b.wantOCI(1, "state", "web")
		})
	}
}

// TestOCIStartFails checks that a failing poststart hook is an error of start that leaves nothing.
func TestOCIStartFails(t *testing.T) {
	h := newHost(t)
	b := h.hooked("poststart")
	b.detached("create", "web")
	if r := b.wantOCI(1, "start", "web"); !strings.Contains(r.stderr, "error running poststart hook #1") {
		t.Errorf("start says %q", r.stderr)
	}
	b.wantOCI(1, "state", "web")
}

// TestOCIDeleteWarns checks that delete succeeds with a warning if a poststop hook fails.
func TestOCIDeleteWarns(t *testing.T) {
	h := newHost(t)
	b := h.hooked("poststop")
	b.detached("create", "web")
	_ = b.heard()
	r := b.wantOCI(0, "delete", "web")
	if !strings.Contains(r.stderr, "level=warning") || !strings.Contains(r.stderr, "error running poststop hook #1") {
		t.Errorf("delete says %q", r.stderr)
	}
	if got := b.heard(); got != "poststop:stopped poststop:stopped poststop:stopped" {
		t.Errorf("hooks ran as %q", got)
	}
}

// TestOCIDevices creates devices of every type, and ignores the numbers of a pipe.
func TestOCIDevices(t *testing.T) {
	h := newHost(t)
	b := h.unpacked(`stat -c "%n %F %t:%T %a" /dev/pipe /dev/char /dev/raw /dev/block`)
	mode := os.FileMode(0o640)
	b.edit(func(s *specs.Spec) {
		s.Linux.Devices = append(s.Linux.Devices,
			specs.LinuxDevice{Path: "/dev/pipe", Type: "p", Major: 10, Minor: 229, FileMode: &mode},
			specs.LinuxDevice{Path: "/dev/char", Type: "c", Major: 10, Minor: 229, FileMode: &mode},
			specs.LinuxDevice{Path: "/dev/raw", Type: "u", Major: 10, Minor: 200, FileMode: &mode},
			specs.LinuxDevice{Path: "/dev/block", Type: "b", Major: 8, Minor: 1, FileMode: &mode})
	})
	want := "/dev/pipe fifo 0:0 640\n/dev/char character special file a:e5 640\n" +
		"/dev/raw character special file a:c8 640\n/dev/block block special file 8:1 640\n"
	if r := b.wantOCI(0, "run", "devices"); r.stdout != want {
		t.Errorf("devices: %q, want %q", r.stdout, want)
	}
}

// TestOCIDescriptors checks that tasks and execs inherit no open files of the runtime, and that the init
// of a created container has none through which the program of the host could be accessed.
func TestOCIDescriptors(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("sleep 1000")
	b.detached("create", "--pid-file", "pid", "web")
	exe, err := os.Stat("/proc/" + b.read("pid") + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	for fd, target := range b.descriptors("pid") {
		if info, err := os.Stat("/proc/" + b.read("pid") + "/fd/" + fd); err == nil && os.SameFile(exe, info) {
			t.Errorf("the init of a created container has its program open: %s is %s", fd, target)
		}
	}
	b.wantOCI(0, "start", "web")
	b.detached("exec", "--detach", "--pid-file", "exec", "web", "sleep", "1000")
	for _, file := range []string{"pid", "exec"} {
		h.eventually("the command is executed", func() bool { return b.command(file) == "sleep" })
		if got := b.descriptors(file); len(got) != 3 || got["0"] == "" || got["1"] == "" || got["2"] == "" {
			t.Errorf("%s of a task: descriptors are %v, want three streams", file, got)
		}
	}
	b.wantOCI(0, "delete", "--force", "web")
}

// descriptors returns the open files of the process whose pid is in file, by number.
func (b *bundle) descriptors(file string) map[string]string {
	b.t.Helper()
	dir := "/proc/" + b.read(file) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		b.t.Fatalf("%d descriptors in %s: %v", len(entries), dir, err)
	}
	open := map[string]string{}
	for _, e := range entries {
		open[e.Name()], _ = os.Readlink(filepath.Join(dir, e.Name()))
	}
	return open
}

// command returns the name of the process whose pid is in file.
func (b *bundle) command(file string) string {
	b.t.Helper()
	name, err := os.ReadFile("/proc/" + b.read(file) + "/comm")
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(string(name))
}

// TestOCILogs checks that an error is in the log file of the caller.
func TestOCILogs(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("true")
	b.edit(func(s *specs.Spec) { s.Process.Args = []string{"nosuch"} })
	r := b.finish(b.oci("--log", "log.json", "--log-format", "json", "create", "x"))
	if r.code != 1 || !strings.Contains(r.stderr, "nosuch") {
		t.Errorf("create: %+v", r)
	}
	lines := bytes.Split(bytes.TrimSpace([]byte(b.read("log.json"))), []byte("\n"))
	var entry struct{ Level, Msg, Time string }
	if err := json.Unmarshal(lines[len(lines)-1], &entry); err != nil || entry.Level != "error" || entry.Time == "" ||
		!strings.Contains(entry.Msg, `exec: "nosuch": executable file not found in $PATH`) {
		t.Errorf("log: %+v, %v", entry, err)
	}
	b.edit(func(s *specs.Spec) { s.Root.Path = "/nosuch/" + evilText })
	if r := b.finish(b.oci("--log", "log.json", "create", "x")); r.code != 1 || !strings.Contains(r.stderr, "evil") ||
		r.stderr != visible.Text(r.stderr) {
		t.Errorf("what a bundle says acts on a terminal: %+v", r)
	}
	if left, err := os.ReadDir(b.state); err == nil && len(left) > 0 {
		for _, e := range left {
			if e.Name() != "~seccomp" {
				t.Errorf("left: %s", e.Name())
			}
		}
	}
}

// TestOCIWithoutContainers tests the commands that need no container, with both names of the program.
func TestOCIWithoutContainers(t *testing.T) {
	h := newHost(t)
	link := filepath.Join(t.TempDir(), "mctr-oci")
	if err := os.Symlink(filepath.Join(filepath.Dir(program(t)), "mctr-shim"), link); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{{link}, {program(t), "oci"}} {
		run := func(args ...string) result {
			cmd := execCommand(t.Context(), append(argv[:len(argv):len(argv)], args...)...)
			cmd.Dir = t.TempDir()
			return h.finish(cmd)
		}
		if r := run("--version"); r.code != 0 || !strings.HasPrefix(r.stdout, "mctr-oci version ") ||
			!strings.Contains(r.stdout, "\nspec: "+specs.Version+"\n") {
			t.Errorf("--version: %+v", r)
		}
		var features struct{ OciVersionMax string }
		if r := run("features"); json.Unmarshal([]byte(r.stdout), &features) != nil ||
			features.OciVersionMax != specs.Version {
			t.Errorf("features: %+v", r)
		}
		if r := run("bogus"); r.code != 1 || !strings.Contains(r.stderr, "unknown command") ||
			!strings.Contains(r.stderr, "bogus") {
			t.Errorf("bogus: %+v", r)
		}
		if r := run("--help"); r.code != 0 || !strings.Contains(r.stdout, "create [flags] ID") {
			t.Errorf("--help: %+v", r)
		}
		if r := run("spec"); r.code != 0 {
			t.Errorf("spec: %+v", r)
		}
	}
	b := h.unpacked("true")
	if r := b.wantOCI(1, "spec"); !strings.Contains(r.stderr, "exists") {
		t.Errorf("spec overwrites: %+v", r)
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		if r := b.wantOCI(1, "--systemd-cgroup", "run", "x"); !strings.Contains(r.stderr, "systemd is not running") {
			t.Errorf("--systemd-cgroup: %+v", r)
		}
	}
}

// TestOCINotifies checks that READY of a container is passed to the service manager. The test sends it
// to the socket in place of the container.
func TestOCINotifies(t *testing.T) {
	h := newHost(t)
	b := h.unpacked(`test -S "$NOTIFY_SOCKET" && echo "$NOTIFY_SOCKET"; while ! test -e /tmp/told; do sleep 0.02; done`)
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "manager"), Net: "unixgram"}
	manager, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	cmd := b.oci("run", "ready")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+address.Name)
	done := make(chan result, 1)
	go func() { done <- h.finish(cmd) }()
	socket := &net.UnixAddr{Name: filepath.Join(b.state, "ready/notify/notify.sock"), Net: "unixgram"}
	h.eventually("the container has a socket", func() bool {
		conn, err := net.DialUnix("unixgram", nil, socket)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = conn.Write([]byte("STATUS=up\nREADY=1"))
		return err == nil
	})
	_ = manager.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 4096)
	n, err := manager.Read(buf)
	if text := string(buf[:n]); err != nil || !strings.HasPrefix(text, "READY=1\nMAINPID=") {
		t.Errorf("the manager received %q, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "rootfs/tmp/told"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r != (result{"/run/notify/notify.sock\n", "", 0}) {
		t.Errorf("run: %+v", r)
	}
}

// TestUnpackEqualsUmoci compares the files of a bundle with those of umoci.
func TestUnpackEqualsUmoci(t *testing.T) {
	h := newHost(t)
	b := h.unpacked("true")
	theirs := filepath.Join(t.TempDir(), "umoci")
	if out, err := execCommand(t.Context(), "sh", "-c", `umask 022; exec umoci unpack --image "$@"`, "sh",
		strings.TrimPrefix(h.image, "oci:"), theirs).CombinedOutput(); err != nil {
		t.Fatalf("umoci: %v: %s", err, out)
	}
	if diff := cmp.Diff(listing(t, filepath.Join(theirs, "rootfs")),
		listing(t, filepath.Join(b.dir, "rootfs"))); diff != "" {
		t.Errorf("umoci's tree (-) and mctr's (+) differ:\n%s", diff)
	}
	if r := h.want(1, "image", "unpack", "-q", h.image, b.dir); !strings.Contains(r.stderr, "is not empty") {
		t.Errorf("a directory that is in use: %+v", r)
	}
	h.want(1, "image", "unpack", "-q", "oci:/no/such", filepath.Join(b.dir, "new"))
	if _, err := os.Stat(filepath.Join(b.dir, "new")); err == nil {
		t.Error("a bundle is left of an image that is not there")
	}
}

// listing returns, for every file below dir, the output of ls and a checksum.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	out, err := execCommand(t.Context(), "sh", "-c",
		`cd "$1" && find . -printf '%p %M %U:%G %s %T@ %l\n' | sort && find . -type f -print0 | sort -z | xargs -0r sha256sum`, "sh", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(out), "\n")
}

// TestOwnFlagsAreNotOCIs checks that flags before the word oci are flags of mctr.
func TestOwnFlagsAreNotOCIs(t *testing.T) {
	h := newHost(t)
	state := filepath.Join(t.TempDir(), "oci")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if r := h.want(0, "--log-level", "info", "oci", "--root", state, "list", "-q"); r.stdout != "" {
		t.Errorf("list: %q", r.stdout)
	}
	if r := h.want(0, "oci", "--help"); !strings.Contains(r.stdout, "mctr-oci") {
		t.Errorf("help: %q", r.stdout)
	}
	if r := h.want(1, "oci", "--root", state, "state", "nosuch"); !strings.Contains(r.stderr, "does not exist") {
		t.Errorf("state: %+v", r)
	}
	if r := h.want(1, "--log-level", "loud", "oci", "list"); !strings.Contains(r.stderr, "--log-level loud") {
		t.Errorf("a bad flag of mctr's: %+v", r)
	}
}
