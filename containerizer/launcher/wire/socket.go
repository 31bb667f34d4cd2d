package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The names of the files in a container's directory by which clients find its shim.
const (
	SocketName = "shim.sock"
	AliveName  = "alive" // a lock that the shim holds until it exits
)

// Listen creates the socket of the shim whose container's directory is dir. The path goes through a
// descriptor of dir because an address holds at most 107 bytes (unix(7)).
func Listen(dir string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), SocketName)
	err = withAddress(dir, func(a *unix.SockaddrUnix) error {
		if err := unix.Unlink(filepath.Join(dir, SocketName)); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		if err := unix.Bind(fd, a); err != nil {
			return err
		}
		return unix.Listen(fd, 64)
	})
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Dial connects to the socket in dir.
func Dial(dir string) (net.Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), SocketName)
	defer f.Close()
	if err := withAddress(dir, func(a *unix.SockaddrUnix) error { return unix.Connect(fd, a) }); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}

func withAddress(dir string, do func(*unix.SockaddrUnix) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return do(&unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), SocketName)})
}
