package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/mctr/mctr/internal/peerclose"
)

// TestWhileConnected checks that a call notices that its client has disconnected, although the call
// does not read the body. The data in the body fits into the buffers of the sockets, so that TCP can
// report the end of the connection.
func TestWhileConnected(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){
		"TCP": (*httptest.Server).Start, "TLS": (*httptest.Server).StartTLS} {
		t.Run(name, func(t *testing.T) {
			arrived, cause := make(chan struct{}), make(chan error, 1)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				ctx, stop := whileConnected(r.Context())
				defer stop()
				close(arrived)
				select {
				case <-ctx.Done():
					cause <- context.Cause(ctx)
				case <-time.After(10 * time.Second):
					cause <- nil
				}
			}))
			s.Config.ConnContext = WithConnection
			start(s)
			defer s.Close()
			ctx, goAway := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(make([]byte, 64<<10)))
			if err != nil {
				t.Fatal(err)
			}
			go func() { <-arrived; goAway() }()
			if answer, err := s.Client().Do(r); err == nil {
				_ = answer.Body.Close()
				t.Fatal("it was answered")
			}
			if err := <-cause; !errors.Is(err, peerclose.ErrClosed) {
				t.Errorf("ended by %v", err)
			}
		})
	}
}
