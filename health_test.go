package mctr_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
)

func TestHealthWith(t *testing.T) {
	// g: success, f: failure that counts, i: failure in the grace period
	for _, c := range []struct {
		probes, status string
		streak         int
	}{
		{"", mctr.HealthStarting, 0},
		{"i", mctr.HealthStarting, 0},
		{"iiii", mctr.HealthStarting, 0},
		{"ig", mctr.Healthy, 0},
		{"ff", mctr.HealthStarting, 2},
		{"fff", mctr.Unhealthy, 3},
		{"gff", mctr.Healthy, 2},
		{"gffgff", mctr.Healthy, 2},
		{"gfff", mctr.Unhealthy, 3},
		{"gfffffg", mctr.Healthy, 0},
	} {
		h := mctr.Health{Status: mctr.HealthStarting}
		for _, p := range c.probes {
			probe := mctr.Probe{Error: map[rune]string{'f': "bad", 'i': "bad", 'g': ""}[p]}
			h = h.With(probe, p == 'f', 3)
		}
		if h.Status != c.status || h.Streak != c.streak || len(h.Probes) != min(5, len(c.probes)) {
			t.Errorf("%q: %+v, want %s and %d", c.probes, h, c.status, c.streak)
		}
	}
	long := mctr.Health{}.With(mctr.Probe{Error: strings.Repeat("x", 1<<20)}, true, 1)
	if n := len(long.Probes[0].Error); n > 4096 {
		t.Errorf("%d bytes of a message are kept", n)
	}
}

func TestHealthCheckValidate(t *testing.T) {
	good := []mctr.HealthCheck{
		{Command: []string{"true"}}, {TCP: &mctr.TCPProbe{Port: 1}},
		{HTTP: &mctr.HTTPGet{Port: 80, Scheme: "https"}, Interval: mctr.Duration(time.Second)},
	}
	for _, h := range good {
		if err := h.Validate(); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
	}
	bad := []mctr.HealthCheck{
		{}, {Command: []string{"true"}, TCP: &mctr.TCPProbe{Port: 1}}, {TCP: &mctr.TCPProbe{}}, {HTTP: &mctr.HTTPGet{}},
		{HTTP: &mctr.HTTPGet{Port: 80, Scheme: "ftp"}}, {Command: []string{"true"}, Interval: -1},
		{Command: []string{"true"}, Failures: -1},
	}
	for _, h := range bad {
		if err := h.Validate(); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}
