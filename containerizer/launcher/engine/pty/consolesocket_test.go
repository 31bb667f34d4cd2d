package pty_test

import (
	"os"
	"testing"
	"time"

	creack "github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine/pty"
)

// sent returns the end of a socket pair on which files arrive.
func sent(t *testing.T, files ...*os.File) int {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]) })
	var oob []byte
	for _, f := range files {
		oob = append(oob, unix.UnixRights(int(f.Fd()))...)
	}
	if err := unix.Sendmsg(fds[1], []byte("/dev/pts/0"), oob, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(fds[1]); err != nil {
		t.Fatal(err)
	}
	return fds[0]
}

// TestReceive wants a terminal with unchanged settings, such as ONLCR, whose reads can be
// interrupted.
func TestReceive(t *testing.T) {
	master, slave, err := creack.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	got, err := pty.Receive(sent(t, master))
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := slave.WriteString("a line\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := got.Read(buf); err != nil || string(buf[:n]) != "a line\r\n" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if err := got.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Error(err)
	}
	if _, err := got.Read(buf); !os.IsTimeout(err) {
		t.Errorf("a read that nobody answers: %v", err)
	}
	if err := got.Close(); err != nil {
		t.Error(err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, files := range map[string][]*os.File{"nothing": nil, "a file that is no terminal": {null}} {
		if master, err := pty.Receive(sent(t, files...)); err == nil {
			t.Errorf("%s gave %s", name, master.Name())
		}
	}
}
