package ociruntime

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// A start holds the flags that describe how a process starts, either init or the process of an
// exec.
type start struct {
	pidFile, consoleSocket, pidfdSocket string
	preserve                            int
	detach, init                        bool
}

// A startedProcess may have a terminal that this program relays.
type startedProcess struct {
	*engine.Process
	terminal *terminalRelay // nil without a terminal to relay
}

// makePathsAbsolute makes the paths absolute, because the working directory may change to the
// bundle.
func (s *start) makePathsAbsolute() (err error) {
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

// check returns an error if a detached process has a terminal but no console socket, or the other
// way round.
func (s *start) check(p *specs.Process) error {
	switch {
	case s.detach && p.Terminal && s.consoleSocket == "":
		return errors.New("a detached process with a terminal needs --console-socket, which receives the terminal")
	case (!s.detach || !p.Terminal) && s.consoleSocket != "":
		return errors.New("--console-socket is for a detached process with a terminal")
	}
	return nil
}

// begin starts p by run and writes the pid file. An init then waits for the start of the container.
func (s *start) begin(p *specs.Process, run func(engine.Stdio) (*engine.Process, error)) (*startedProcess, error) {
	b := &startedProcess{}
	extra, err := s.descriptors(p)
	if err != nil {
		return nil, err
	}
	if err := s.startConnected(b, p.Terminal, extra, run); err != nil {
		b.terminal.abandon()
		return nil, err
	}
	if err := s.writePid(b.Pid); err != nil {
		b.killAndReap()
		return nil, err
	}
	return b, nil
}

// startConnected starts the process with its streams.
func (s *start) startConnected(b *startedProcess, terminal bool, extra []*os.File,
	run func(engine.Stdio) (*engine.Process, error)) error {
	io, err := s.openStdio(b, terminal)
	if err != nil {
		closeSockets(io)
		return err
	}
	io.Extra = extra
	b.terminal.awaitTerminal()
	b.Process, err = run(io)
	closeSockets(io) // or this program would wait for a terminal that never arrives
	if arrived := b.terminal.awaitResult(); err == nil && arrived != nil {
		b.killAndReap()
		return arrived
	}
	return err
}

// descriptors returns the descriptors of socket activation (sd_listen_fds(3)), which it announces
// in the process's environment, followed by those of --preserve-fds.
func (s *start) descriptors(p *specs.Process) (files []*os.File, err error) {
	listening := 0
	if n, err := strconv.Atoi(os.Getenv("LISTEN_FDS")); err == nil && s.init &&
		os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		listening = n
		p.Env = append(p.Env, "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID=1")
	}
	for fd := 3; fd < 3+listening+s.preserve; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return nil, fmt.Errorf("--preserve-fds: descriptor %d is not open: %w", fd, err)
		}
		files = append(files, os.NewFile(uintptr(fd), "preserved"))
	}
	return files, nil
}

// openStdio returns the process's streams. With an error it returns those that it has opened so
// far.
func (s *start) openStdio(b *startedProcess, terminal bool) (io engine.Stdio, err error) {
	if s.pidfdSocket != "" {
		if io.PidfdSocket, err = dial(s.pidfdSocket); err != nil {
			return io, err
		}
	}
	switch {
	case !terminal:
		io.Stdin, io.Stdout, io.Stderr = os.Stdin, os.Stdout, os.Stderr
	case s.consoleSocket != "":
		io.ConsoleSocket, err = dial(s.consoleSocket)
	default:
		b.terminal, io.ConsoleSocket, io.PidfdSocket, err = newTerminalRelay(io.PidfdSocket)
	}
	return io, err
}

func closeSockets(io engine.Stdio) {
	closeFile(io.ConsoleSocket)
	closeFile(io.PidfdSocket)
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

// writePid writes the pid file atomically.
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

// killAndReap kills and reaps the process.
func (b *startedProcess) killAndReap() {
	_ = unix.Kill(b.Pid, unix.SIGKILL)
	_, _ = b.Wait()
	b.terminal.abandon()
}
