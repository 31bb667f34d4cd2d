package shim

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// reservePorts binds the host's ports that lead to the container, so that no other process on
// the host takes one meanwhile: plugins lead packets there before any socket is
// looked for. Nothing is received by these sockets; they end with this process.
func reservePorts(ports []mctr.Port) error {
	for _, p := range ports {
		if err := reservePort(p); err != nil {
			return fmt.Errorf("%w: host port %d/%s cannot be had: %w", mctr.ErrExists, p.HostPort, p.Protocol, err)
		}
	}
	return nil
}

func reservePort(p mctr.Port) error {
	kind := map[string]int{"tcp": unix.SOCK_STREAM, "udp": unix.SOCK_DGRAM}[p.Protocol]
	if kind == 0 {
		return nil // sctp may be no socket of this kernel's
	}
	if p.HostIP == "" {
		err := bind(unix.AF_INET6, kind, &unix.SockaddrInet6{Port: int(p.HostPort)}, false)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) { // this kernel has no IPv6
			err = bind(unix.AF_INET, kind, &unix.SockaddrInet4{Port: int(p.HostPort)}, true)
		}
		return err
	}
	addr, err := netip.ParseAddr(p.HostIP)
	if err != nil {
		return err
	}
	if addr = addr.Unmap(); addr.Is4() {
		return bind(unix.AF_INET, kind, &unix.SockaddrInet4{Port: int(p.HostPort), Addr: addr.As4()}, true)
	}
	return bind(unix.AF_INET6, kind, &unix.SockaddrInet6{Port: int(p.HostPort), Addr: addr.As16()}, true)
}

// bind binds a socket of one family alone, or an IPv6 one of both.
func bind(family, kind int, at unix.Sockaddr, alone bool) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if family == unix.AF_INET6 {
		only := 0 // the default may be 1
		if alone {
			only = 1
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	if err := unix.Bind(fd, at); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	return nil
}
