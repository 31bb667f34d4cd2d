package shim

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// reservePorts binds the host ports that are forwarded to the container, so that no other process
// binds them: CNI plugins redirect the packets before the kernel looks for a socket. The sockets
// receive nothing, and close when the shim exits.
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
		return nil // the kernel may lack SCTP
	}
	if p.HostIP == "" {
		err := bind(unix.AF_INET6, kind, &unix.SockaddrInet6{Port: int(p.HostPort)}, false)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) { // the kernel lacks IPv6
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

// bind binds a socket for family. With alone false, an IPv6 socket takes the port for IPv4 as well.
func bind(family, kind int, at unix.Sockaddr, alone bool) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if family == unix.AF_INET6 {
		only := 0 // set explicitly, because the default may be 1
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
