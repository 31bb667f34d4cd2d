// Package launcher is the client of mctr-shim: it starts one for a container and
// speaks package wire with it, from the process that started it or from any
// later one.
//
// On disk, in the directory given for the container: "shim.sock" (the shim's
// socket), "alive" (a lock that the shim holds for life) and "shim.log" (what it
// has to say when it fails). In the kernel: the shim process, in a session of
// its own and in a cgroup outside every container's. The shim survives the caller;
// Dial finds it again.
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

// LogName is the shim's log in a container's directory.
const LogName = "shim.log"

// The descriptors that a shim inherits.
const (
	ListenFD = 3
	AliveFD  = 4
)

// A Launcher starts shims.
type Launcher struct {
	Shim   string // absolute path of the mctr-shim binary
	Record string // file: what it says of itself; "": it is asked each time
}

// Spawn starts a shim whose socket lies in dir, and connects to it. Until Start,
// the client's connection is a lease: when it ends, the shim destroys what it made.
//
// The shim is moved to group, which is outside the containers' cgroups, so that no
// limit or kill of theirs reaches a supervisor, and outside the caller's, so that
// the caller's end does not; "" is for one that will be told to Enter a scope.
func (l *Launcher) Spawn(ctx context.Context, dir, group string) (*Client, error) {
	listener, err := wire.Listen(dir)
	if err != nil {
		return nil, fmt.Errorf("make the shim's socket: %w", err)
	}
	defer listener.Close()
	alive, err := flock.TryExclusive(filepath.Join(dir, wire.AliveName))
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%w: a shim for %s is alive", mctr.ErrExists, filepath.Base(dir))
	}
	if err != nil {
		return nil, err
	}
	defer alive.Unlock() // the shim holds it now
	process, err := l.start(dir, listener, alive.File())
	if err != nil {
		return nil, err
	}
	shim := moveToCgroup(process, group)
	client, err := Dial(ctx, dir)
	if err != nil {
		_ = shim.Kill()
		shim.reap()
		return nil, fmt.Errorf("%w%s", err, lastWords(dir))
	}
	client.process = shim
	return client, nil
}

// start runs the shim in a session of its own, with an environment of its own.
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
		return nil, fmt.Errorf("start %s: %w (it is built by make and lies beside mctr)", l.Shim, err)
	}
	return cmd.Process, nil
}

// environment is the shim's: nothing of the caller's but the armed failpoints. A
// shim mostly sleeps, so it gets one thread at a time to run on, however many
// cores there are; its init and its exit command inherit that.
func environment() []string {
	env := []string{inherit.Path, "GOMAXPROCS=1"}
	if v, ok := os.LookupEnv("MCTR_FAILPOINTS"); ok {
		env = append(env, "MCTR_FAILPOINTS="+v)
	}
	return env
}

// Alive reports whether the shim of the container whose directory is dir lives.
func Alive(dir string) (bool, error) { return flock.Held(filepath.Join(dir, wire.AliveName)) }

// verb is a shim's first argument, its container's directory the second: so ps(1)
// and Directory tell whose it is.
const verb = "supervise"

// Directory is the directory of the container that the process pid supervises,
// "" if it is no shim. Only a process in the shims' cgroup is to be asked: what
// another one says of itself proves nothing.
func Directory(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	argv := strings.Split(string(line), "\x00")
	if err != nil || len(argv) < 3 || argv[1] != verb {
		return ""
	}
	return argv[2]
}

// Holder finds the process that has dir's lock as its inherited descriptor: a
// shim, wherever it is. 0: there is none.
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

// lastWords is what a shim that died wrote, for an error's text.
func lastWords(dir string) string {
	const most = 1024
	text, err := os.ReadFile(filepath.Join(dir, LogName))
	if err != nil || len(text) == 0 {
		return ""
	}
	return ": the shim said: " + string(text[max(0, len(text)-most):])
}
