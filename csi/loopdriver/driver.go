package loopdriver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"

	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
)

// A Driver serves CSI for one directory.
type Driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
	csi.UnimplementedNodeServer

	Options
	lock *flock.Lock // the directory's

	mu       sync.Mutex      // guards what follows, and files that belong to no single volume
	busy     map[string]bool // volumes and snapshots with a call in flight
	starting int             // how many times Probe still reports that the plugin is not ready
}

// New makes the directory and returns a driver for it. It fails if another process serves the
// directory.
func New(o Options) (*Driver, error) {
	for _, dir := range []string{"volumes", "snapshots", "mounts"} {
		if err := dirs.MakeAll(filepath.Join(o.Dir, dir), 0o700); err != nil {
			return nil, err
		}
	}
	lock, err := flock.AfterDead(context.Background(), filepath.Join(o.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("serve %s: another plugin may serve this directory: %w", o.Dir, err)
	}
	return &Driver{Options: o, lock: lock, busy: map[string]bool{}, starting: o.Starting}, nil
}

// Serve answers calls on listener until ctx ends, and then waits for the calls in flight.
func (d *Driver) Serve(ctx context.Context, listener net.Listener) error {
	defer d.lock.Unlock()
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(d.record, d.fault, d.authenticate, d.exclude),
		grpc.ForceServerCodecV2(codec{}))
	csi.RegisterIdentityServer(server, d)
	csi.RegisterControllerServer(server, d)
	csi.RegisterNodeServer(server, d)
	stop := context.AfterFunc(ctx, server.GracefulStop)
	defer stop()
	return server.Serve(listener)
}

// Main is the program mctr-csi-loop: it serves what args ask for until ctx ends. A socket that an
// earlier run has left is replaced.
func Main(ctx context.Context, args []string, usage io.Writer) error {
	options, socket, err := parse(args, os.Getenv, usage)
	if err != nil {
		return err
	}
	d, err := New(options)
	if err != nil {
		return err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	return d.Serve(ctx, listener)
}
