package cni

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// lockPorts locks the host's ports. The lock is held until the chosen ports are recorded.
func (n *Networks) lockPorts(ctx context.Context) (*flock.Lock, error) {
	if err := os.MkdirAll(n.config.Root, 0o700); err != nil {
		return nil, err
	}
	return flock.Exclusive(ctx, filepath.Join(n.config.Root, "ports.lock"))
}

// CheckPorts reports whether host ports are available now. The error wraps mctr.ErrInvalid and
// names the owner of a port that is in use.
func (n *Networks) CheckPorts(want []mctr.Port) error {
	if len(want) == 0 {
		return nil
	}
	if _, err := n.choosePorts("", want); err != nil {
		return fmt.Errorf("%w: config.ports: %w", mctr.ErrInvalid, err)
	}
	return nil
}

// choosePorts gives every port its number on the host: the requested one, the first free one of the
// requested range, or any. It fails if a port is in use, by another container's attachment or by a
// listening socket of the host, and names the owner.
func (n *Networks) choosePorts(id mctr.ContainerID, want []mctr.Port) ([]mctr.Port, error) {
	all, err := n.Attachments()
	if err != nil {
		return nil, err
	}
	var chosen []mctr.Port
	for _, p := range want {
		if p.HostPort, err = choosePort(p, append(all, &Attachment{Container: id, Ports: chosen})); err != nil {
			return nil, err
		}
		p.HostPortEnd = 0
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// anyPortAttempts bounds how often choosePort asks the kernel for a port, until it gets one that no
// container has.
const anyPortAttempts = 100

func choosePort(p mctr.Port, taken []*Attachment) (uint16, error) {
	if p.HostPort == 0 {
		return anyFreePort(p, taken)
	}
	var err error
	for number := int(p.HostPort); number <= max(int(p.HostPort), int(p.HostPortEnd)); number++ {
		try := p
		try.HostPort = uint16(number)
		if err = errors.Join(takenBy(try, taken), bindable(try)); err == nil {
			return try.HostPort, nil
		}
	}
	if p.HostPortEnd > p.HostPort {
		return 0, fmt.Errorf("no port of %s is free; the last: %w", p, err)
	}
	return 0, err
}

func anyFreePort(p mctr.Port, taken []*Attachment) (uint16, error) {
	var err error
	for range anyPortAttempts {
		if p.HostPort, err = kernelChosenPort(p); err != nil {
			return 0, err
		}
		if err = takenBy(p, taken); err == nil {
			return p.HostPort, nil
		}
	}
	return 0, fmt.Errorf("no free port found: %w", err)
}

// takenBy returns an error if a container has the port. Two containers may have the same number for
// different addresses of the host.
func takenBy(p mctr.Port, taken []*Attachment) error {
	for _, a := range taken {
		for _, other := range a.Ports {
			if other.HostPort == p.HostPort && other.Protocol == p.Protocol && overlap(other.HostIP, p.HostIP) {
				return fmt.Errorf("%w: host port %d/%s is %s already", mctr.ErrExists, p.HostPort, p.Protocol,
					a.ownerText())
			}
		}
	}
	return nil
}

func (a *Attachment) ownerText() string {
	if a.Container == "" {
		return "another config.ports entry's"
	}
	return "container " + a.Container.Short() + "'s"
}

// overlap reports whether two host addresses have an address in common. An empty address stands for
// all addresses of both families, an unspecified one for all addresses of its family.
func overlap(a, b string) bool {
	one, err := netip.ParseAddr(a)
	other, otherErr := netip.ParseAddr(b)
	if err != nil || otherErr != nil {
		return true
	}
	one, other = one.Unmap(), other.Unmap()
	return one.Is4() == other.Is4() && (one == other || one.IsUnspecified() || other.IsUnspecified())
}

// bindable returns an error if a process of the host listens on the port. A port of SCTP is not tried: package
// net does not support SCTP, and the number may be in use by TCP.
func bindable(p mctr.Port) error {
	if p.Protocol == "sctp" {
		return nil
	}
	socket, err := listen(p)
	if err != nil {
		return fmt.Errorf("%w: host port %d/%s cannot be had: %w", mctr.ErrExists, p.HostPort, p.Protocol, err)
	}
	return socket.Close()
}

func kernelChosenPort(p mctr.Port) (uint16, error) {
	p.HostPort = 0
	socket, err := listen(p)
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	addr := ""
	switch s := socket.(type) {
	case net.Listener:
		addr = s.Addr().String()
	case net.PacketConn:
		addr = s.LocalAddr().String()
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return uint16(number), err
}

// listen opens the port in this process' network namespace, which is the host's; for SCTP, which
// package net does not support, the port of TCP with the same number.
func listen(p mctr.Port) (interface{ Close() error }, error) {
	address, family := net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort))), ""
	if addr, err := netip.ParseAddr(p.HostIP); err == nil && addr.Unmap().Is6() {
		family = "6" // otherwise [::] would include IPv4
	}
	if p.Protocol == "udp" {
		return net.ListenPacket("udp"+family, address)
	}
	return net.Listen("tcp"+family, address)
}
