package health_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/health"
)

const here = "/proc/self/ns/net"

func portOf(t *testing.T, address string) uint16 {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

func TestHTTP(t *testing.T) {
	for _, serve := range []func(http.Handler) *httptest.Server{httptest.NewServer, httptest.NewTLSServer} {
		server := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
			if err != nil {
				status = 200
			}
			w.Header().Set("Location", "http://192.0.2.1/") // must not be followed
			w.WriteHeader(status)
		}))
		scheme, _, _ := strings.Cut(server.URL, ":")
		for path, healthy := range map[string]bool{"": true, "200": true, "/301": true, "/399": true, "/400": false,
			"/500": false} {
			_, err := health.HTTP(here,
				mctr.HTTPGet{Scheme: scheme, Port: portOf(t, server.URL), Path: path})(t.Context())
			if (err == nil) != healthy {
				t.Errorf("%s %s: %v", scheme, path, err)
			}
		}
		server.Close()
		if _, err := health.HTTP(here,
			mctr.HTTPGet{Scheme: scheme, Port: portOf(t, server.URL)})(t.Context()); err == nil {
			t.Error("a server that is gone is healthy")
		}
	}
}

// TestTimeout has a server that accepts and says nothing.
func TestTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := health.HTTP(here,
		mctr.HTTPGet{Port: portOf(t, l.Addr().String())})(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("probe: %v", err)
	}
	if _, err := health.TCP(here, portOf(t, l.Addr().String()))(t.Context()); err != nil {
		t.Errorf("tcp: %v", err)
	}
	if _, err := health.TCP("/proc/self/ns/nosuch", 1)(t.Context()); err == nil {
		t.Error("a namespace that is not there was entered")
	}
}

// TestStartInterval wants probes to follow one another by the start interval until
// the first success, or the end of the grace period, and by the interval then.
func TestStartInterval(t *testing.T) {
	early := errors.New("early")
	for _, c := range []struct {
		name    string
		check   mctr.HealthCheck
		results []error // the wait behind the last one is an hour
	}{
		{"until the first success",
			mctr.HealthCheck{StartInterval: mctr.Duration(time.Minute), Interval: mctr.Duration(time.Hour),
				Grace: new(mctr.Duration(24 * time.Hour))},
			[]error{early, early, nil}},
		{"until the grace period is over",
			mctr.HealthCheck{StartInterval: mctr.Duration(time.Minute), Interval: mctr.Duration(time.Hour),
				Grace: new(mctr.Duration(150 * time.Second))},
			[]error{early, early, early, early}},
		{"without a grace period",
			mctr.HealthCheck{StartInterval: mctr.Duration(time.Minute), Interval: mctr.Duration(time.Hour),
				Grace: new(mctr.Duration)},
			[]error{early}},
		{"as the interval",
			mctr.HealthCheck{Interval: mctr.Duration(time.Hour), Grace: new(mctr.Duration(24 * time.Hour))},
			[]error{early}},
	} {
		c.check.Delay = mctr.Duration(time.Millisecond) // so that some time has gone by
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
				defer cancel()
				var at []time.Duration
				began := time.Now()
				(&health.Checker{
					Check: c.check,
					Probe: func(context.Context) (health.Answer, error) {
						at = append(at, time.Since(began))
						if len(at) > len(c.results) {
							return health.Answer{}, nil
						}
						return health.Answer{}, c.results[len(at)-1]
					},
					Report: func(mctr.Health) {},
				}).Run(ctx)
				for n := range c.results {
					if n >= len(at) || at[n].Truncate(time.Minute) != time.Duration(n)*time.Minute {
						t.Errorf("probes at %v", at)
					}
				}
				if len(at) != len(c.results) {
					t.Errorf("%d probes at %v, want %d", len(at), at, len(c.results))
				}
			})
		})
	}
}

// TestChecker wants failures in the grace period not to count, and every result
// to be reported, in order.
func TestChecker(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := []error{errors.New("early"), errors.New("early"), nil, errors.New("one"), errors.New("two")}
	var got []string
	n := 0
	(&health.Checker{
		Check: mctr.HealthCheck{Command: []string{"x"}, Interval: mctr.Duration(time.Millisecond),
			Grace: new(mctr.Duration(time.Hour)), Failures: 2},
		Probe: func(context.Context) (health.Answer, error) { n++; return health.Answer{}, results[n-1] },
		Report: func(h mctr.Health) {
			got = append(got, h.Status)
			if n == len(results) {
				cancel()
			}
		},
	}).Run(ctx)
	if want := "starting starting healthy healthy unhealthy"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestTakeOver wants a checker to go on from what another reported: what was healthy
// has no start period any more, and the first delay is over.
func TestTakeOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got mctr.Health
	(&health.Checker{
		Check: mctr.HealthCheck{Command: []string{"x"}, Delay: mctr.Duration(time.Hour),
			Interval: mctr.Duration(time.Hour),
			Grace:    new(mctr.Duration(24 * time.Hour)), Failures: 2},
		Probe: func(context.Context) (health.Answer, error) { return health.Answer{}, errors.New("again") },
		Report: func(h mctr.Health) {
			got = h
			cancel()
		},
		Began: time.Now().Add(-2 * time.Hour), Last: &mctr.Health{Status: mctr.Healthy, Streak: 1},
	}).Run(ctx)
	if got.Status != mctr.Unhealthy || got.Streak != 2 {
		t.Errorf("it reports %+v", got)
	}
}

// TestFirstThread wants the network namespace of this process, which /proc/self shows by its
// first thread, to stay what it is while ports in another one are probed: that thread
// cannot end.
func TestFirstThread(t *testing.T) {
	other := exec.Command("sleep", "1000")
	other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	before, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	probe := health.TCP(fmt.Sprintf("/proc/%d/ns/net", other.Process.Pid), 9)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, err := probe(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) &&
				!errors.Is(err, syscall.ENETUNREACH) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if now, err := os.Readlink("/proc/self/ns/net"); err != nil || now != before {
		t.Errorf("this process is in %s, %v; it was in %s", now, err, before)
	}
}
