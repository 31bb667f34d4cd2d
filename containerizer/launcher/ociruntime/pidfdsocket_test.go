package ociruntime

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPidfdGate wants a process's message to wait until the gate opens, and its descriptor to be
// passed on if the caller has a socket for it.
func TestPidfdGate(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		taker, pidfd := os.NewFile(uintptr(pair[0]), "taker"), os.NewFile(uintptr(pair[1]), "pidfd")
		defer taker.Close()
		if !wanted {
			closeFile(pidfd)
			pidfd = nil
		}
		g, theirs, err := newGate(pidfd)
		if err != nil {
			t.Fatal(err)
		}
		rights := unix.UnixRights(int(taker.Fd())) // any descriptor will do
		err = unix.Sendmsg(int(theirs.Fd()), []byte("setns"), rights, nil, unix.MSG_DONTWAIT)
		if !errors.Is(err, unix.EAGAIN) {
			t.Errorf("a process is not held: %v", err)
		}
		opened := make(chan error, 1)
		go func() { opened <- g.open() }()
		if err := unix.Sendmsg(int(theirs.Fd()), []byte("setns"), rights, nil, 0); err != nil {
			t.Error(err)
		}
		if err := errors.Join(<-opened, theirs.Close()); err != nil {
			t.Error(err)
		}
		name, oob := make([]byte, 64), make([]byte, unix.CmsgSpace(4))
		n, passed, _, _, err := unix.Recvmsg(int(taker.Fd()), name, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err != nil || string(name[:n]) != map[bool]string{true: "setns"}[wanted] || passed > 0 != wanted {
			t.Errorf("wanted %v: the taker has %q with %d bytes of rights, %v", wanted, name[:n], passed, err)
		}
	}
}

// TestGateOfADeadProcess wants open to return if the process exits without sending anything.
func TestGateOfADeadProcess(t *testing.T) {
	g, theirs, err := newGate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.open(); err != nil {
		t.Error(err)
	}
}
