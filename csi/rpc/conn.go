// Package rpc makes the calls of CSI 1.13 to one plugin, by the rules of its specification: it retries
// what may be retried, with identical arguments and growing pauses, and nothing else; it keeps the
// limits of fields on both sides; it ignores capabilities that it does not know; and it returns errors
// that never hold a secret. The order of calls is package lifecycle's.
//
// On disk: nothing. In the kernel: a connection to the plugin's socket.
package rpc

import (
	"context"
	"net"
	"time"

	pb "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mctr/mctr/csi"
)

// A Conn is a connection to a plugin. Its calls go on until they succeed, fail for good, or their
// context ends.
type Conn struct {
	conn       *grpc.ClientConn
	identity   pb.IdentityClient
	controller pb.ControllerClient
	group      pb.GroupControllerClient
	node       pb.NodeClient

	secrets csi.Secrets
	limit   time.Duration // for one try of a call
	first   time.Duration // the first pause between tries
}

// The pauses between the tries of a call.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 5 * time.Second
)

// mostBytes limits one answer. The largest are lists, whose pages have a limit of their own.
const mostBytes = 16 << 20

// New returns a connection to the plugin that listens on socket. It connects with the first call; a
// socket that does not exist yet is waited for. limit is for one try of a call.
func New(socket string, secrets csi.Secrets, limit time.Duration) (*Conn, error) {
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket) // whatever characters the path has
	}
	conn, err := grpc.NewClient("passthrough:///csi", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithAuthority("localhost"), // some servers refuse the path of a socket as a host
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostBytes)))
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn, identity: pb.NewIdentityClient(conn), controller: pb.NewControllerClient(conn),
		group: pb.NewGroupControllerClient(conn), node: pb.NewNodeClient(conn),
		secrets: secrets, limit: limit, first: firstPause}, nil
}

// Close closes the connection.
func (c *Conn) Close() { _ = c.conn.Close() }

// WithSecrets returns the same connection with other secrets.
func (c *Conn) WithSecrets(secrets csi.Secrets) *Conn {
	other := *c
	other.secrets = secrets
	return &other
}

// reconnect has the next try dial at once, instead of after gRPC's own pause of a second and more.
func (c *Conn) reconnect() {
	if c.conn.GetState() == connectivity.TransientFailure {
		c.conn.ResetConnectBackoff()
	}
}

// pause waits, and returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
