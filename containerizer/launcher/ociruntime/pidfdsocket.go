package ociruntime

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A pidfdGate holds a process between its terminal and its command, until this program
// has the terminal and has set it as it is to be: what the process printed before
// would have passed through a terminal as the kernel makes it.
//
// libcontainer has a process send its terminal, then a pidfd of itself, and waits for
// neither to be taken. So the pidfd's socket is handed over full, and the process waits
// for room in it.
type pidfdGate struct {
	socket *os.File
	pidfd  *os.File // the caller's own socket for it; nil: the caller gave none
}

// newGate gives the process's end too, which is full.
func newGate(pidfd *os.File) (g *pidfdGate, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the socket that a process waits at: %w", err)
	}
	g = &pidfdGate{socket: os.NewFile(uintptr(pair[0]), "gate"), pidfd: pidfd}
	return g, os.NewFile(uintptr(pair[1]), "gate"), fill(pair[1])
}

// fill sends bytes, which stay unread, until the socket takes no more, and leaves it blocking.
func fill(fd int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1) // the kernel's least
	for err == nil {
		err = unix.Sendto(fd, []byte{0}, unix.MSG_DONTWAIT, nil)
	}
	if !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("fill the socket that a process waits at: %w", err)
	}
	return nil
}

// open lets the process go on, and passes its pidfd on.
func (g *pidfdGate) open() error {
	defer g.socket.Close()
	defer closeFile(g.pidfd)
	oob := make([]byte, unix.CmsgSpace(4))
	name := make([]byte, 4096)
	for {
		size, rights, _, _, err := unix.Recvmsg(int(g.socket.Fd()), name, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || size == 0: // the process is gone, which its caller reports
			return err
		case rights > 0:
			return g.pass(name[:size], oob[:rights])
		}
	}
}

// pass sends the one descriptor in rights to the caller's socket.
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
