// Package pty receives the terminal of a container's process. The process creates the pty inside
// the container and sends the master over a unix socket. runc's docs/terminals.md describes the
// protocol, which every OCI runtime implements.
//
// The package creates nothing.
package pty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Receive takes the master out of the next message on socket. It does not change the terminal's
// settings, which belong to the process. By default ONLCR is on, so a line ends in CR LF. A client
// needs that, because its own terminal is in raw mode and adds no CR.
func Receive(socket int) (*os.File, error) {
	fd, err := receive(socket)
	if err != nil {
		return nil, fmt.Errorf("receive the terminal: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that closing the file interrupts a read
		return nil, errors.Join(err, unix.Close(fd))
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return nil, errors.Join(fmt.Errorf("receive the terminal: the descriptor is not one: %w", err), master.Close())
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
