package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// A listener accepts connections of clients.
type listener struct {
	net.Listener
	token bool   // clients must send the token
	path  string // of a unix socket that the agent has created
}

// listeners returns the sockets that systemd passes and those of --listen. If there are neither, it
// opens the default socket.
func (f *flags) listeners() ([]listener, error) {
	all, err := f.passed()
	if err != nil {
		return nil, err
	}
	wanted := f.listen
	if len(wanted) == 0 && len(all) == 0 {
		wanted = []string{"unix://" + filepath.Join(f.host.State, f.name+".sock")}
	}
	for _, address := range wanted {
		l, err := f.open(address)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, l)
	}
	return all, nil
}

// checkListen fails if an address is not valid. It runs before the agent creates anything.
func (f *flags) checkListen() error {
	for _, address := range f.listen {
		scheme, rest, _ := strings.Cut(address, "://")
		err := fmt.Errorf("%w: --listen %s: want unix:///PATH or tcp://HOST:PORT", mctr.ErrInvalid, address)
		switch scheme {
		case "tcp":
			err = f.protects(rest)
		case "unix":
			err = checkSocketPath(rest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func closeAll(all []listener) error {
	var errs []error
	for _, l := range all {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// passed returns the sockets of systemd's socket activation.
func (f *flags) passed() ([]listener, error) {
	sockets, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("sockets passed by systemd: %w", err)
	}
	var all []listener
	for _, socket := range sockets {
		if socket == nil {
			return nil, fmt.Errorf("%w: systemd passes a socket that is not a listening stream socket", mctr.ErrInvalid)
		}
		if socket.Addr().Network() == "unix" {
			all = append(all, listener{Listener: socket})
			continue
		}
		l, err := f.protect(socket)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// open opens a valid address.
func (f *flags) open(address string) (listener, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	if scheme == "unix" {
		l, err := listenUnix(rest)
		return listener{Listener: l, path: rest}, err
	}
	socket, err := net.Listen("tcp", rest)
	if err != nil {
		return listener{}, fmt.Errorf("--listen %s: %w", address, err)
	}
	return f.protect(socket)
}

// protect adds TLS and the token to a tcp socket. It fails if the socket would be unprotected.
func (f *flags) protect(socket net.Listener) (listener, error) {
	if err := f.protects(socket.Addr().String()); err != nil {
		return listener{}, errors.Join(err, socket.Close())
	}
	if f.certificates != nil {
		socket = tls.NewListener(socket, &tls.Config{
			// Each connection gets the certificates that the files hold at that time.
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.certificates.get(), nil },
		})
	}
	return listener{Listener: socket, token: f.token != nil}, nil
}

// maxSocketPath is the maximum length of a unix socket's path, without the terminating null (unix(7)).
const maxSocketPath = 107

func checkSocketPath(path string) error {
	if !strings.HasPrefix(path, "/") || len(path) > maxSocketPath {
		return fmt.Errorf("%w: --listen unix://%s: want an absolute path of at most %d bytes", mctr.ErrInvalid, path,
			maxSocketPath)
	}
	return nil
}

// listenUnix creates a socket that only its owner can use. It replaces a socket that no process listens
// on.
func listenUnix(path string) (net.Listener, error) {
	if err := checkSocketPath(path); err != nil {
		return nil, err
	}
	fail := func(err error) (net.Listener, error) { return nil, fmt.Errorf("--listen unix://%s: %w", path, err) }
	if err := removeStale(path); err != nil {
		return fail(err)
	}
	l, err := net.Listen("unix", path) // with the umask of the agent, only root can connect
	if err != nil {
		return fail(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fail(errors.Join(err, l.Close()))
	}
	return l, nil
}

// removeStale removes a socket that no process listens on. It fails if another file is at path, or a
// process listens on the socket.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%w: the file exists and is not a socket", mctr.ErrExists)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("%w: another process listens on the socket", mctr.ErrExists)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
