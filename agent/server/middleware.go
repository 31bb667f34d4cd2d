package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/peerclose"
)

// Authenticated serves only requests with the bearer token (RFC 6750) that token returns at that
// time. The comparison takes constant time, so that its duration reveals nothing about the token.
func Authenticated(token func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := sha256.Sum256([]byte(token()))
		scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(shown)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="mctr-agent"`)
			writeFailure(w, http.StatusUnauthorized,
				fmt.Errorf("%w: want \"Authorization: Bearer TOKEN\" with the token of this agent", mctr.ErrInvalid))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// drainTimeout bounds the reading of the rest of a body after the answer.
const drainTimeout = time.Second

// BodyTimeout limits the time for the body of a request to arrive, unless a handler sets another
// limit, and the time for the rest of the body after the answer.
func BodyTimeout(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		c := http.NewResponseController(w)
		_ = c.SetReadDeadline(time.Now().Add(limit)) // an error means that the connection is closed
		next.ServeHTTP(w, r)
		_ = c.SetReadDeadline(time.Now().Add(drainTimeout))
	})
}

// answerAtOnce makes net/http send the answer without waiting for the rest of the body, which cannot
// change the answer.
func answerAtOnce(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

type connectionKey struct{}

// WithConnection makes the connection of a call available to [whileConnected], which notices a
// disconnected client even while the call does not read from it. It is meant for
// [http.Server.ConnContext]. TCP reports the end of a connection only after the data before it: if a
// client has sent more data than the buffers of the sockets hold, the kernel gives up after minutes.
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

// whileConnected returns a context that ends when the client disconnects, if the server uses
// [WithConnection].
func whileConnected(ctx context.Context) (connected context.Context, stop func()) {
	if conn, ok := ctx.Value(connectionKey{}).(syscall.RawConn); ok {
		return peerclose.Context(ctx, conn)
	}
	return ctx, func() {}
}
