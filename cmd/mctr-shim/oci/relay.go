package oci

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/console"
	"github.com/opencontainers/runc/libcontainer/utils"

	"github.com/mctr/mctr/containerizer/launcher/engine/pty"
)

// A relay stands between a process's terminal and the caller's own.
type relay struct {
	socket *os.File
	host   console.Console
	master *os.File
	output chan struct{} // closed at the end of the process's output
}

// newRelay finds the caller's terminal. theirs is for the process.
func newRelay() (r *relay, theirs *os.File, err error) {
	r = &relay{output: make(chan struct{})}
	if r.host, err = hostConsole(); err != nil {
		return nil, nil, err
	}
	r.socket, theirs, err = utils.NewSockPair("console")
	return r, theirs, err
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

// receive takes the master and begins to relay.
func (r *relay) receive() (err error) {
	defer r.socket.Close()
	if r.master, err = pty.Receive(int(r.socket.Fd())); err != nil {
		return err
	}
	if err := clearONLCR(r.master); err != nil {
		return err
	}
	if err := r.host.SetRaw(); err != nil {
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
func (r *relay) resize() {
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
func (r *relay) close() {
	if r == nil || r.master == nil {
		return
	}
	<-r.output
	_ = r.host.Reset()
	_ = r.master.Close()
}
