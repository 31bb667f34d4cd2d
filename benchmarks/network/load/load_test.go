package load

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// served returns ports on which a server answers until the test ends.
func served(t *testing.T) Ports {
	t.Helper()
	p := Ports{}
	for _, port := range []*int{&p.TCP, &p.UDP, &p.Stream} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop, err := Serve(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return p
}

func TestLoads(t *testing.T) {
	p := served(t)
	for _, kind := range []string{RR, CRR, UDP} {
		r, err := Run(t.Context(),
			Task{Kind: kind, Target: "127.0.0.1", Ports: p, Conns: 3, Size: 1000, Duration: 50 * time.Millisecond})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if r.Transactions == 0 || r.Errors != 0 || r.Bytes != 1000*r.Transactions || r.P50 == 0 || r.P90 < r.P50 ||
			r.P99 < r.P90 || r.TPS == 0 {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

// TestShortLoad runs a load whose time is over before any client has connected, as on a busy
// machine.
func TestShortLoad(t *testing.T) {
	p := served(t)
	for _, kind := range []string{RR, CRR, UDP} {
		r, err := Run(t.Context(), Task{Kind: kind, Target: "127.0.0.1", Ports: p, Conns: 1, Size: 1, Duration: 1})
		if err != nil || r.Transactions != 1 {
			t.Errorf("%s: %+v, %v", kind, r, err)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, kind := range []string{RR, CRR, UDP} { // nobody listens on port 1
		_, err := Run(t.Context(),
			Task{Kind: kind, Target: "127.0.0.1", Ports: Ports{1, 1, 1}, Conns: 1, Size: 1,
				Duration: 20 * time.Millisecond})
		if !errors.Is(err, ErrNothing) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, bad := range []Task{{Kind: RR}, {Kind: RR, Conns: 1, Size: 1 << 20, Duration: 1},
		{Kind: "x", Conns: 1, Size: 1, Duration: 1}, {Kind: RR, Conns: 1, Size: 1, Duration: time.Hour}} {
		if _, err := Run(t.Context(), bad); err == nil {
			t.Errorf("%+v was done", bad)
		}
	}
}

// TestLoader sends requests to a loader over its socket.
func TestLoader(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	socket, done := t.TempDir()+"/s", make(chan error, 1)
	go func() { done <- Loader(ctx, socket) }()
	c := Dial(socket, "")
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := served(t)
	if err := c.Serve(t.Context(), p); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("ports in use: %v", err)
	}
	if r, err := c.Run(t.Context(),
		Task{Kind: RR, Target: "127.0.0.1", Ports: p, Conns: 1, Size: 1,
			Duration: 20 * time.Millisecond}); err != nil || r.Transactions == 0 {
		t.Errorf("%+v %v", r, err)
	}
	c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
