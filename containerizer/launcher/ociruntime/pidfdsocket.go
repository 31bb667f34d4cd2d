package ociruntime

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A pidfdGate makes a process wait between sending its terminal and executing its command, until
// this program has configured the terminal. Without it, early output would pass through a terminal
// with the kernel's default settings.
//
// In libcontainer a process sends its terminal, and then a pidfd of itself, without waiting for an
// answer. So newGate fills the socket for the pidfd, and the process blocks until the socket has
// room.
type pidfdGate struct {
	socket *os.File
	pidfd  *os.File // the caller's socket for the pidfd; nil: none
}

// newGate returns the gate and the process's end of its socket, which is full.
func newGate(pidfd *os.File) (g *pidfdGate, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("create the socket at which the process waits: %w", err)
	}
	g = &pidfdGate{socket: os.NewFile(uintptr(pair[0]), "gate"), pidfd: pidfd}
	return g, os.NewFile(uintptr(pair[1]), "gate"), fill(pair[1])
}

// fill fills the socket, whose peer reads nothing, and leaves it in blocking mode.
func fill(fd int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1) // the kernel raises it to its minimum
	for err == nil {
		err = unix.Sendto(fd, []byte{0}, unix.MSG_DONTWAIT, nil)
	}
	if !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("fill the socket at which the process waits: %w", err)
	}
	return nil
}

// open lets the process continue, and passes its pidfd to the caller's socket.
func (g *pidfdGate) open() error {
	defer g.socket.Close()
	defer closeFile(g.pidfd)
	oob := make([]byte, unix.CmsgSpace(4))
	name := make([]byte, 4096)
	for {
		size, rights, _, _, err := unix.Recvmsg(int(g.socket.Fd()), name, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || size == 0: // the process has exited, which the caller of open reports
			return err
		case rights > 0:
			return g.pass(name[:size], oob[:rights])
		}
	}
}

// pass sends the descriptor in rights to the caller's socket.
func (g *pidfdGate) pass(name, rights []byte) error {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return fmt.Errorf("receive a pidfd: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return fmt.Errorf("receive a pidfd: %w", err)
	}
	defer unix.Close(fds[0])
	if g.pidfd == nil {
		return nil
	}
	if err := unix.Sendmsg(int(g.pidfd.Fd()), name, unix.UnixRights(fds[0]), nil, 0); err != nil {
		return fmt.Errorf("--pidfd-socket: send a pidfd: %w", err)
	}
	return nil
}
