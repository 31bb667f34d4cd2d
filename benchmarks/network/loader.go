package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/network/load"
	"github.com/mctr/mctr/containerizer"
)

// startTime bounds the time until a loader answers.
const startTime = 20 * time.Second

// A loader is a process or container that makes traffic.
type loader struct {
	name, network string
	address       string // the address at which the loader is reached
	mtu           int
	client        *load.Client
	cpu           func(context.Context) (uint64, error)
	end           func(context.Context) error
}

// launch starts a loader in the place that its case demands, and waits until it answers.
func (s *Side) launch(ctx context.Context, a Start) (*loader, error) {
	socket := filepath.Join(s.sockets(), a.Name+".sock")
	l := &loader{name: a.Name, network: a.Network, client: load.Dial(socket, ""), address: s.self.String()}
	argv := []string{s.programs.Bench, "load", "--socket", socket}
	var err error
	if a.Where == Direct {
		err = s.direct(l, argv)
	} else {
		err = s.contain(ctx, l, a, argv)
	}
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := l.client.Ready(bounded); err != nil {
		return nil, errors.Join(fmt.Errorf("loader %s: %w", a.Name, err), l.close(context.WithoutCancel(ctx)))
	}
	return l, nil
}

// direct starts the loader as a process of the host.
func (s *Side) direct(l *loader, argv []string) error {
	p, err := s.start(l.name, argv...)
	if err != nil {
		return err
	}
	l.cpu = func(context.Context) (uint64, error) { return p.cpu() }
	l.end = func(context.Context) error { return p.close() }
	l.mtu, err = mtuOf(s.self)
	return err
}

// contain launches the loader in a container on the host's filesystem, which has the program and
// the directory of its socket. A container has a /dev of its own, so paths below /dev are mounted.
func (s *Side) contain(ctx context.Context, l *loader, a Start, argv []string) error {
	id := mctr.ContainerID(a.Name)
	config := &mctr.ContainerConfig{
		Process: mctr.Process{Args: argv}, Log: mctr.LogConfig{Driver: "none"},
		Volumes: hidden(s.programs.Bench, s.sockets()),
	}
	switch a.Where {
	case Host:
		config.Network = mctr.NetworkHost
	case Published:
		config.Ports = []mctr.Port{
			{HostPort: uint16(a.Ports.TCP), ContainerPort: uint16(a.Ports.TCP), Protocol: "tcp"},
			{HostPort: uint16(a.Ports.UDP), ContainerPort: uint16(a.Ports.UDP), Protocol: "udp"},
			{HostPort: uint16(a.Ports.Stream), ContainerPort: uint16(a.Ports.Stream), Protocol: "tcp"},
		}
		fallthrough
	default:
		config.Networks = []mctr.NetworkConfig{{Name: a.Network}}
	}
	if _, err := s.containers.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
		return err
	}
	l.cpu = func(ctx context.Context) (uint64, error) {
		u, err := s.containers.Usage(ctx, id)
		if err != nil {
			return 0, err
		}
		return u.CPUNanos, nil
	}
	l.end = func(ctx context.Context) error { return s.containers.Remove(ctx, id, true) }
	return s.locate(ctx, l, a, id)
}

// hidden returns mounts of those paths that a container on the host's filesystem does not see.
func hidden(paths ...string) (mounts []mctr.Volume) {
	for _, path := range paths {
		if strings.HasPrefix(path, "/dev/") {
			mounts = append(mounts, mctr.Volume{Type: "bind", Source: path, Target: path})
		}
	}
	return mounts
}

// locate sets the address and the MTU of a container's loader.
func (s *Side) locate(ctx context.Context, l *loader, a Start, id mctr.ContainerID) error {
	status, err := s.containers.Status(ctx, id)
	if err != nil {
		return err
	}
	if a.Where == Host {
		l.mtu, err = mtuOf(s.self)
		return err
	}
	if len(status.Networks) == 0 || len(status.Networks[0].Addresses) == 0 {
		return fmt.Errorf("%w: container %s has no address", mctr.ErrState, id)
	}
	p, err := netip.ParsePrefix(status.Networks[0].Addresses[0])
	if err != nil {
		return err
	}
	if a.Where == Attached {
		l.address = p.Addr().String()
	}
	l.mtu, err = mtuInside(s.networks.Namespace(id))
	return err
}

func (l *loader) close(ctx context.Context) error {
	l.client.Close()
	return l.end(ctx)
}

// mtuOf returns the MTU of the interface that has the address.
func mtuOf(addr netip.Addr) (int, error) {
	all, err := net.Interfaces()
	if err != nil {
		return 0, err
	}
	for _, i := range all {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == addr {
				return i.MTU, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: no interface has %v", os.ErrNotExist, addr)
}
