package main

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A screen is a terminal that runs one mctr.
type screen struct {
	h      *host
	master *os.File
	slave  *os.File
	cmd    *exec.Cmd
	before unix.Termios

	mu   sync.Mutex
	text strings.Builder
}

// onScreen starts mctr in a terminal of 24 rows and 80 columns.
func (h *host) onScreen(args ...string) *screen {
	h.t.Helper()
	return h.screenOf(h.command(args...))
}

func (h *host) screenOf(cmd *exec.Cmd) *screen {
	h.t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		h.t.Fatal(err)
	}
	s := &screen{h: h, master: master, slave: slave, cmd: cmd}
	s.resize(24, 80)
	s.before = s.termios()
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.cmd.Process.Kill(); _, _ = master.Close(), slave.Close() })
	go s.read()
	return s
}

func (s *screen) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.text.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// shows waits until text is on the screen.
func (s *screen) shows(text string) {
	s.h.t.Helper()
	defer func() {
		if s.h.t.Failed() {
			s.h.t.Logf("the screen: %q", s.shown())
		}
	}()
	s.h.eventually("the screen shows "+text, func() bool { return strings.Contains(s.shown(), text) })
}

func (s *screen) types(keys string) {
	s.h.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.h.t.Fatal(err)
	}
}

func (s *screen) resize(rows, columns uint16) {
	s.h.t.Helper()
	if err := pty.Setsize(s.master, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		s.h.t.Fatal(err)
	}
}

func (s *screen) termios() unix.Termios {
	s.h.t.Helper()
	t, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		s.h.t.Fatal(err)
	}
	return *t
}

// raw waits until the terminal is in raw mode.
func (s *screen) raw() {
	s.h.t.Helper()
	s.h.eventually("the terminal is raw", func() bool { return s.termios().Lflag&unix.ICANON == 0 })
}

// ends checks that mctr exits with code and restores the terminal.
func (s *screen) ends(code int) {
	s.h.t.Helper()
	_ = s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.h.t.Errorf("exit code %d, want %d; the screen: %q", got, code, s.shown())
	}
	if diff := cmp.Diff(s.before, s.termios()); diff != "" {
		s.h.t.Errorf("the terminal is not as it was:\n%s", diff)
	}
}

func TestTerminalShell(t *testing.T) {
	h := newHost(t)
	s := h.onScreen("run", "--rm", "-it", "-q", h.image, "sh")
	s.raw()
	s.types("stty size\r")
	s.shows("24 80")
	s.resize(33, 111)
	s.types("sleep 0.2; stty size\r")
	s.shows("33 111")
	s.interrupts()
	s.types("exit 9\r")
	s.ends(9)
}

// interrupts kills a command, but not the shell that runs it, with Ctrl-C.
func (s *screen) interrupts() {
	s.h.t.Helper()
	s.types("sh -c 'echo be\"\"gun; sleep 100'\r")
	s.shows("begun")
	s.types("\x03")
	s.types("echo interr''upted\r")
	s.shows("interrupted")
}

func TestTerminalPrograms(t *testing.T) {
	h := newHost(t)
	s := h.onScreen("run", "--rm", "-it", "-q", "-e", "TERM=xterm", h.image, "vi", "/tmp/file")
	s.shows("/tmp/file")
	s.types("ihello")
	s.shows("hello")
	s.types("\x1b")
	s.shows("[Modified]")
	s.types(":wq\r")
	s.ends(0)
	s = h.onScreen("run", "--rm", "-it", "-q", "-e", "TERM=xterm", h.image, "top")
	s.shows("COMMAND")
	s.types("q")
	s.ends(0)
}

func TestTerminalDetach(t *testing.T) {
	h := newHost(t)
	for name, c := range map[string]struct {
		flags []string
		keys  string
	}{
		"default":          {nil, "\x10\x11"},
		"begun twice":      {nil, "\x10\x10\x11"},
		"of one's own":     {[]string{"--detach-keys", "ctrl-a,d"}, "\x01d"},
		"not the defaults": {[]string{"--detach-keys", "x"}, "\x10\x11x"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image}
			s := h.onScreen(
				append(append([]string{"run", "-it", "-q", "--name", "kept"}, c.flags...), h.image, "sh")...)
			s.raw()
			s.types("echo rea''dy\r")
			s.shows("ready")
			s.types(c.keys)
			s.ends(0)
			if out := h.want(0, "ps", "--format", "{{.Names}} {{.State}}").stdout; out != "kept running\n" {
				t.Errorf("ps: %q", out)
			}
			h.want(0, "rm", "-f", "kept")
		})
	}
	h.want(125, "run", "-it", "--detach-keys", "ctrl-1", h.image, "sh")
}

// TestTerminalRestored checks that the terminal is restored after every abnormal end.
func TestTerminalRestored(t *testing.T) {
	h := newHost(t)
	t.Run("the launch fails", func(t *testing.T) {
		h := &host{t: t, root: h.root, state: h.state, image: h.image}
		h.onScreen("run", "--rm", "-it", "-q", h.image, "nosuch").ends(127)
	})
	t.Run("SIGTERM", func(t *testing.T) {
		h := &host{t: t, root: h.root, state: h.state, image: h.image}
		s := h.onScreen("run", "--rm", "-it", "-q", "--init", h.image, "sh", "-c", "echo up; exec sleep 100")
		s.raw()
		s.shows("up") // the init handles signals now; the kernel drops signals that process 1 does not handle
		s.signal(unix.SIGTERM)
		s.ends(143)
	})
	t.Run("SIGTERM without proxy", func(t *testing.T) {
		h := &host{t: t, root: h.root, state: h.state, image: h.image}
		s := h.onScreen("run", "--name", "kept", "-it", "-q", "--sig-proxy=false", h.image, "sleep", "100")
		s.raw()
		s.signal(unix.SIGTERM)
		s.ends(143)
		h.want(0, "rm", "-f", "kept")
	})
	t.Run("the shim is killed", func(t *testing.T) {
		h := &host{t: t, root: h.root, state: h.state, image: h.image}
		s := h.onScreen("run", "--name", "lost", "-it", "-q", h.image, "sh")
		s.raw()
		h.killShim("lost")
		s.ends(137)
		h.want(0, "rm", "lost")
	})
	t.Run("killed from elsewhere", func(t *testing.T) {
		h := &host{t: t, root: h.root, state: h.state, image: h.image}
		s := h.onScreen("run", "--name", "gone", "-it", "-q", h.image, "sh")
		s.raw()
		h.want(0, "rm", "-f", "gone")
		s.ends(137)
	})
}

func (s *screen) signal(sig syscall.Signal) {
	s.h.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.h.t.Fatal(err)
	}
}

func TestTerminalOfExec(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "-d", "-q", "--name", "up", h.image, "sleep", "100")
	s := h.onScreen("exec", "-it", "up", "sh")
	s.raw()
	s.types("stty size\r")
	s.shows("24 80")
	s.resize(40, 100)
	s.types("sleep 0.2; stty size\r")
	s.shows("40 100")
	s.interrupts()
	s.types("exit 5\r")
	s.ends(5)
	h.onScreen("exec", "-it", "up", "nosuch").ends(127)
	s = h.onScreen("exec", "-it", "up", "sh")
	s.raw()
	h.want(0, "rm", "-f", "up")
	s.ends(137)
}

func TestTerminalRefused(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "-d", "-q", "--name", "up", h.image, "sleep", "100")
	for _, args := range [][]string{{"run", "--rm", "-it", h.image, "true"}, {"exec", "-it", "up", "true"}} {
		if r := h.want(125, args...); !strings.Contains(r.stderr, "the input device is not a TTY") {
			t.Errorf("%v: %s", args, r.stderr)
		}
	}
	if out := h.want(0, "run", "--rm", "-q", "-t", h.image, "sh", "-c",
		"test -t 1 && echo a terminal").stdout; !strings.Contains(out, "a terminal") {
		t.Errorf("-t without -i: %q", out)
	}
	h.want(0, "rm", "-f", "up")
}
