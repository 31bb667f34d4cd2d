// Package launcher is the client of mctr-shim. It starts a shim for a container and talks to it in
// the protocol of package wire, from the process that started the shim or from any later process.
//
// On disk, in the container's directory: "shim.sock" (the shim's socket), "alive" (a lock that the
// shim holds until it exits) and "shim.log" (the shim's messages). In the kernel: the shim process,
// in its own session and in a cgroup outside those of the containers. The shim survives the process
// that started it; Dial connects to it again.
package launcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/inherit"
)

// LogName is the name of the shim's log in a container's directory.
const LogName = "shim.log"

// The numbers of the descriptors that a shim inherits.
const (
	ListenFD = 3
	AliveFD  = 4
)

// A Launcher starts shims.
type Launcher struct {
	Shim   string // absolute path of the mctr-shim binary
	Record string // file that caches the shim's hello; "": no cache
}

// Spawn starts a shim whose socket is in dir, and connects to it. Until Start, the client's
// connection is a lease: if the connection closes, the shim destroys what it created.
//
// Spawn moves the shim to the cgroup group. It lies outside the containers' cgroups, so that no
// limit or kill for a container reaches the shim, and outside the caller's, so that the shim
// survives the caller. An empty group leaves the shim where it is, until Enter moves it to a scope.
func (l *Launcher) Spawn(ctx context.Context, dir, group string) (*Client, error) {
	listener, err := wire.Listen(dir)
	if err != nil {
		return nil, fmt.Errorf("create the shim's socket: %w", err)
	}
	defer listener.Close()
	alive, err := flock.TryExclusive(filepath.Join(dir, wire.AliveName))
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%w: a shim for %s is already running", mctr.ErrExists, filepath.Base(dir))
	}
	if err != nil {
		return nil, err
	}
	defer alive.Unlock() // the shim has inherited the lock
	process, err := l.start(dir, listener, alive.File())
	if err != nil {
		return nil, err
	}
	shim := moveToCgroup(process, group)
	client, err := Dial(ctx, dir)
	if err != nil {
		_ = shim.Kill()
		shim.reap()
		return nil, fmt.Errorf("%w%s", err, logTail(dir))
	}
	client.process = shim
	return client, nil
}

// start runs the shim in a new session with its own environment.
func (l *Launcher) start(dir string, listener, alive *os.File) (*os.Process, error) {
	log, err := os.OpenFile(filepath.Join(dir, LogName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(l.Shim, verb, dir)
	cmd.Env = environment()
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{listener, alive}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := inherit.Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w (make builds it; it belongs beside mctr)", l.Shim, err)
	}
	return cmd.Process, nil
}

// environment returns the shim's environment: nothing of the caller's except armed failpoints. A
// shim sleeps most of the time, so GOMAXPROCS limits it to one running thread on any number of
// cores. The container's init and the exit command inherit that.
func environment() []string {
	env := []string{inherit.Path, "GOMAXPROCS=1"}
	if v, ok := os.LookupEnv("MCTR_FAILPOINTS"); ok {
		env = append(env, "MCTR_FAILPOINTS="+v)
	}
	return env
}

// Alive reports whether the shim of the container whose directory is dir is running.
func Alive(dir string) (bool, error) { return flock.Held(filepath.Join(dir, wire.AliveName)) }

// verb is a shim's first argument; the second is its container's directory. ps(1) shows both, and
// Directory reads them.
const verb = "supervise"

// Directory returns the directory of the container that the process pid supervises, or "" if the
// process is not a shim. The caller must pass only a process in the shims' cgroup, because any
// process can choose its own arguments.
func Directory(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	argv := strings.Split(string(line), "\x00")
	if err != nil || len(argv) < 3 || argv[1] != verb {
		return ""
	}
	return argv[2]
}

// Holder returns the pid of the process that inherited dir's lock, which is a shim in whatever
// cgroup, or 0 if there is none.
func Holder(dir string) (pid int) {
	links, err := filepath.Glob(fmt.Sprintf("/proc/[0-9]*/fd/%d", AliveFD))
	if err != nil {
		return 0
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == filepath.Join(dir, wire.AliveName) {
			_, _ = fmt.Sscanf(link, "/proc/%d/", &pid)
			return pid
		}
	}
	return 0
}

// logTail returns the end of a dead shim's log, as part of an error's text.
func logTail(dir string) string {
	const most = 1024
	text, err := os.ReadFile(filepath.Join(dir, LogName))
	if err != nil || len(text) == 0 {
		return ""
	}
	return ": the shim said: " + string(text[max(0, len(text)-most):])
}
