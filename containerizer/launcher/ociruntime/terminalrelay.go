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

// A terminalRelay stands between a process's terminal and the caller's own.
type terminalRelay struct {
	socket   *os.File
	gate     *pidfdGate
	host     console.Console
	master   *os.File
	output   chan struct{} // closed at the end of the process's output
	received chan error    // of awaitTerminal
}

// newTerminalRelay finds the caller's terminal, and gives the process its ends of the socket
// for its terminal and of the gate, in place of pidfd.
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

// hostConsole is any of the standard streams that is a terminal, or else the
// controlling one.
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
		return nil, fmt.Errorf("the process wants a terminal, and this one has none: %w", err)
	}
	return console.ConsoleFromFile(tty)
}

// awaitTerminal receives the terminal while the process is begun, which waits for that, begins
// to relay and lets the process go on, also when that failed: its caller ends the process then.
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

// configureTerminals sets both terminals before the process has its own.
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

// clearONLCR leaves the returns to the caller's terminal, as runc does: SetRaw keeps
// its OPOST.
func clearONLCR(master *os.File) error {
	conn, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var cleared error
	err = conn.Control(func(fd uintptr) { cleared = console.ClearONLCR(fd) })
	return errors.Join(err, cleared)
}

// resize gives the process's terminal the size of the caller's. Without one it
// keeps its own.
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

// close gives the caller its terminal back when everything was shown.
func (r *terminalRelay) close() {
	if r == nil || r.master == nil {
		return
	}
	<-r.output
	r.abandon()
}

// abandon gives the caller its terminal back, and shows no more.
func (r *terminalRelay) abandon() {
	if r == nil || r.master == nil {
		return
	}
	_ = r.host.Reset()
	_ = r.master.Close()
}
