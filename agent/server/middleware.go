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

// Authenticated lets only those in who show what token gives then, as RFC 6750 has
// it. The time that a comparison takes says nothing of the token.
func Authenticated(token func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := sha256.Sum256([]byte(token()))
		scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(shown)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="mctr-agent"`)
			writeFailure(w, http.StatusUnauthorized,
				fmt.Errorf("%w: this agent wants \"Authorization: Bearer TOKEN\", with its own token", mctr.ErrInvalid))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// drainTimeout is what a client has to end a body that is not read any more.
const drainTimeout = time.Second

// BodyTimeout bounds the time that the body of a request has to arrive, unless
// a handler sets another time, and the time for what is left of it after the answer.
func BodyTimeout(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		c := http.NewResponseController(w)
		_ = c.SetReadDeadline(time.Now().Add(limit)) // on a connection that has gone no deadline is needed
		next.ServeHTTP(w, r)
		_ = c.SetReadDeadline(time.Now().Add(drainTimeout))
	})
}

// answerAtOnce has an answer not wait for the rest of the request's body, of which
// nothing can come any more that changes it.
func answerAtOnce(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

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
