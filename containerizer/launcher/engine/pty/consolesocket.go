// Package pty receives the terminal of a container's process: the process makes
// the pty inside the container and sends its master over a unix socket, which
// runc's docs/terminals.md describes and every OCI runtime does.
//
// It creates nothing.
package pty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Receive takes the master out of the next message on socket. The terminal keeps
// its settings, which are the process's: with ONLCR, as every terminal begins, a line
// ends in CR LF, and so it has to reach a client, whose own terminal is in raw mode
// and adds nothing.
func Receive(socket int) (*os.File, error) {
	fd, err := receive(socket)
	if err != nil {
		return nil, fmt.Errorf("receive the terminal: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that closing ends a read
		return nil, errors.Join(err, unix.Close(fd))
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return nil, errors.Join(fmt.Errorf("receive the terminal: no terminal came: %w", err), master.Close())
	}
	return master, nil
}

func receive(socket int) (int, error) {
	var name [4096]byte
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, name[:], oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("want one control message, got %d: %w", len(messages), errors.Join(err, unix.EBADMSG))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("want one descriptor, got %d: %w", len(fds), errors.Join(err, unix.EBADMSG))
	}
	return fds[0], nil
}
