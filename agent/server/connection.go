package server

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"

	"github.com/mctr/mctr/internal/peerclose"
)

type connectionKey struct{}

// WithConnection lets calls see that their client has gone while they do not read from
// it. It is for [http.Server.ConnContext]. TCP tells that a client has gone only behind
// what it had sent: where that is more than the sockets' buffers hold, the kernel gives
// it up after minutes.
func WithConnection(ctx context.Context, conn net.Conn) context.Context {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if socket, ok := conn.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			return context.WithValue(ctx, connectionKey{}, raw)
		}
	}
	return ctx
}

// whileConnected ends with the client of the call, where the server has
// [WithConnection].
func whileConnected(ctx context.Context) (connected context.Context, stop func()) {
	if conn, ok := ctx.Value(connectionKey{}).(syscall.RawConn); ok {
		return peerclose.Context(ctx, conn)
	}
	return ctx, func() {}
}
