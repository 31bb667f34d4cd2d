package ociruntime

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/console"
	"github.com/opencontainers/runc/libcontainer/utils"

	"github.com/mctr/mctr/containerizer/launcher/engine/pty"
	"github.com/mctr/mctr/internal/failpoint"
)

// A terminalRelay copies between a process's terminal and the caller's.
type terminalRelay struct {
	socket   *os.File
	gate     *pidfdGate
	host     console.Console
	master   *os.File
	output   chan struct{} // closed at the end of the process's output
	received chan error    // the error of awaitTerminal
}

// newTerminalRelay opens the caller's terminal. It returns the process's ends of two sockets: one
// for the terminal and one for the pidfd, which holds the process back and replaces pidfd.
func newTerminalRelay(pidfd *os.File) (r *terminalRelay, console, held *os.File, err error) {
	r = &terminalRelay{output: make(chan struct{}), received: make(chan error, 1)}
	if r.host, err = hostConsole(); err != nil {
		return nil, nil, nil, err
	}
	if r.socket, console, err = utils.NewSockPair("console"); err != nil {
		return nil, nil, nil, err
	}
	r.gate, held, err = newGate(pidfd)
	return r, console, held, err
}

// hostConsole returns the first standard stream that is a terminal, or else the controlling
// terminal.
func hostConsole() (console.Console, error) {
	for _, f := range []*os.File{os.Stderr, os.Stdout, os.Stdin} {
		c, err := console.ConsoleFromFile(f)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, console.ErrNotAConsole) {
			return nil, err
		}
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("the process needs a terminal, and the caller has none: %w", err)
	}
	return console.ConsoleFromFile(tty)
}

// awaitTerminal receives the terminal in the background, while the process starts and waits for
// that. Then it starts the relay and lets the process continue. The process also continues after an
// error, and its caller ends it.
func (r *terminalRelay) awaitTerminal() {
	if r == nil {
		return
	}
	go func() {
		err := errors.Join(failpoint.Hit("terminal"), r.configureTerminals(), r.gate.open())
		r.received <- errors.Join(err, r.socket.Close())
	}()
}

// awaitResult returns the error of awaitTerminal.
func (r *terminalRelay) awaitResult() error {
	if r == nil {
		return nil
	}
	return <-r.received
}

// configureTerminals receives the process's terminal, and configures both terminals before the
// process continues.
func (r *terminalRelay) configureTerminals() (err error) {
	if r.master, err = pty.Receive(int(r.socket.Fd())); err != nil {
		return err
	}
	if err := errors.Join(clearONLCR(r.master), r.host.SetRaw()); err != nil {
		return err
	}
	r.resize()
	go func() { _, _ = io.Copy(r.master, os.Stdin) }()
	go func() {
		defer close(r.output)
		_, _ = io.Copy(os.Stdout, r.master)
	}()
	return nil
}

// clearONLCR disables ONLCR, as runc does: the caller's terminal keeps OPOST in SetRaw and adds the
// carriage returns.
func clearONLCR(master *os.File) error {
	conn, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var cleared error
	err = conn.Control(func(fd uintptr) { cleared = console.ClearONLCR(fd) })
	return errors.Join(err, cleared)
}

// resize gives the process's terminal the size of the caller's, if that has one.
func (r *terminalRelay) resize() {
	if r == nil {
		return
	}
	size, err := r.host.Size()
	if err != nil {
		return
	}
	if c, err := console.ConsoleFromFile(r.master); err == nil {
		_ = c.Resize(size)
	}
}

// close restores the caller's terminal once all output is shown.
func (r *terminalRelay) close() {
	if r == nil || r.master == nil {
		return
	}
	<-r.output
	r.abandon()
}

// abandon restores the caller's terminal at once.
func (r *terminalRelay) abandon() {
	if r == nil || r.master == nil {
		return
	}
	_ = r.host.Reset()
	_ = r.master.Close()
}
