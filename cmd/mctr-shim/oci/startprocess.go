package oci

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer/bpfcache"
)

// seccompDir holds compiled seccomp profiles below --root. It is no container's:
// ids have no tilde.
const seccompDir = "~seccomp"

// A start is how a process begins: a container's init, or an exec's.
type start struct {
	container                           *lc.Container
	pidFile, consoleSocket, pidfdSocket string
	preserve                            int
	detach, init                        bool
	subCgroups                          map[string]string
	seccomp                             *configs.Seccomp
	cache                               string
}

// A startedProcess may have a terminal that this program relays.
type startedProcess struct {
	*lc.Process
	pid      int
	terminal *terminalRelay // nil: none of ours
}

// absolute lets paths outlive the change into the bundle.
func (s *start) absolute() (err error) {
	for _, p := range []*string{&s.pidFile, &s.consoleSocket, &s.pidfdSocket} {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	return nil
}

// check wants a taker for a terminal, and a terminal for a taker.
func (s *start) check(p *specs.Process) error {
	switch {
	case s.detach && p.Terminal && s.consoleSocket == "":
		return errors.New(
			"the process wants a terminal and nobody waits for it: --console-socket must say who takes it")
	case (!s.detach || !p.Terminal) && s.consoleSocket != "":
		return errors.New("--console-socket is for a detached process with a terminal")
	}
	return nil
}

// begin starts p, up to where init waits for its start, and writes the pid file.
func (s *start) begin(p *specs.Process) (*startedProcess, error) {
	process, err := libcontainer.Convert(p)
	if err != nil {
		return nil, err
	}
	process.Init, process.SubCgroupPaths = s.init, s.subCgroups
	process.LogLevel = strconv.Itoa(int(logrus.GetLevel()))
	if err := s.descriptors(process); err != nil {
		return nil, err
	}
	b := &startedProcess{Process: process}
	if err := s.connected(b, p.Terminal); err != nil {
		b.terminal.abandon()
		return nil, err
	}
	if err := s.settle(b); err != nil {
		b.end()
		return nil, err
	}
	return b, nil
}

// connected starts the process with its streams.
func (s *start) connected(b *startedProcess, terminal bool) error {
	end, err := s.connect(b, terminal)
	if err != nil {
		end()
		return err
	}
	b.terminal.awaitTerminal()
	err = s.filtered(b.Process)
	end() // or a terminal that never came would be waited for
	if arrived := b.terminal.awaitResult(); err == nil && arrived != nil {
		b.end()
		return arrived
	}
	return err
}

// filtered hands the compiled seccomp profile to init as its last descriptor.
func (s *start) filtered(process *lc.Process) error {
	filter, err := bpfcache.Open(s.cache, s.seccomp)
	if err != nil {
		return err
	}
	if filter != nil {
		defer filter.Close()
		process.ExtraFiles = append(process.ExtraFiles, filter)
	}
	return s.container.Start(process)
}

// descriptors passes on those of socket activation (sd_listen_fds(3)), and
// behind them as many as were asked for.
func (s *start) descriptors(process *lc.Process) error {
	listening := 0
	if n, err := strconv.Atoi(os.Getenv("LISTEN_FDS")); err == nil && s.init &&
		os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		listening = n
		process.Env = append(process.Env, "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID=1")
	}
	for fd := 3; fd < 3+listening+s.preserve; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return fmt.Errorf("--preserve-fds: descriptor %d is not open: %w", fd, err)
		}
		process.ExtraFiles = append(process.ExtraFiles, os.NewFile(uintptr(fd), "preserved"))
	}
	return nil
}

// connect gives the process its streams. end closes what it has by then.
func (s *start) connect(b *startedProcess, terminal bool) (end func(), err error) {
	end = func() {
		closeFile(b.ConsoleSocket)
		closeFile(b.PidfdSocket)
	}
	if s.pidfdSocket != "" {
		if b.PidfdSocket, err = dial(s.pidfdSocket); err != nil {
			return end, err
		}
	}
	switch {
	case !terminal:
		b.Stdin, b.Stdout, b.Stderr = os.Stdin, os.Stdout, os.Stderr
	case s.consoleSocket != "":
		b.ConsoleSocket, err = dial(s.consoleSocket)
	default:
		b.terminal, b.ConsoleSocket, b.PidfdSocket, err = newTerminalRelay(b.PidfdSocket)
	}
	return end, err
}

func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close()
	}
}

func dial(path string) (*os.File, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.File()
}

// settle does what needs the process.
func (s *start) settle(b *startedProcess) (err error) {
	if b.pid, err = b.Pid(); err != nil {
		return err
	}
	return s.writePid(b.pid)
}

// writePid writes the pid file whole or not at all.
func (s *start) writePid(pid int) error {
	if s.pidFile == "" {
		return nil
	}
	temporary := filepath.Join(filepath.Dir(s.pidFile), "."+filepath.Base(s.pidFile))
	if err := os.WriteFile(temporary, []byte(strconv.Itoa(pid)), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, s.pidFile)
}

// end kills a process that nobody will wait for.
func (b *startedProcess) end() {
	_ = b.Signal(unix.SIGKILL)
	_, _ = b.Wait()
	b.terminal.abandon()
}
