package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Run measures between the two hosts of the machine.
func (m *Machine) Run(ctx context.Context, o Options) (*Report, error) {
	return Run(ctx, m.remote[0], m.remote[1], o)
}

// Against measures from this machine to the one that serves at address.
func Against(ctx context.Context, side *Side, address, token string, o Options) (r *Report, err error) {
	server := dial(address, token)
	if err := server.Hello(ctx, side.self.String()); err != nil {
		return nil, fmt.Errorf("the server at %s: %w", address, err)
	}
	defer func() { err = errors.Join(err, server.Close(context.WithoutCancel(ctx))) }()
	return Run(ctx, side, server, o)
}

// ServeSide runs one host of a Machine: it serves at a unix socket until ctx ends.
func ServeSide(ctx context.Context, socket string, p Programs, self, peer netip.Addr) error {
	// Mounts at Calico's fixed paths must not spread to other mount namespaces.
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	side, err := NewSide(ctx, p, self, peer)
	if err != nil {
		return err
	}
	err = Serve(ctx, l, "", &door{side: side}, func() {})
	return errors.Join(err, side.Close(context.WithoutCancel(ctx)))
}

// ServeFirst runs the server of two machines: it serves the first client that says hello, until the
// client is done or ctx ends.
func ServeFirst(ctx context.Context, l net.Listener, token string, p Programs, self netip.Addr) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &door{open: func(peer netip.Addr) (*Side, error) { return NewSide(ctx, p, self, peer) }}
	err := Serve(ctx, l, token, d, cancel)
	if d.side != nil {
		err = errors.Join(err, d.side.Close(context.WithoutCancel(ctx)))
	}
	return err
}
