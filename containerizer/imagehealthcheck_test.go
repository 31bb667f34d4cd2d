package containerizer

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/store"
)

func checked(h store.Healthcheck) *provisioner.Image { return &provisioner.Image{Healthcheck: &h} }

// TestHealthOf resolves what was asked for against what the image has.
func TestHealthOf(t *testing.T) {
	shell := checked(store.Healthcheck{Test: []string{"CMD-SHELL", "curl x"}})
	own := &mctr.HealthCheck{TCP: &mctr.TCPProbe{Port: 80}}
	dockers := mctr.HealthCheck{
		Command: []string{"/bin/sh", "-c", "curl x"}, Interval: mctr.Duration(30 * time.Second),
		StartInterval: mctr.Duration(5 * time.Second),
		Timeout:       mctr.Duration(30 * time.Second), Grace: new(mctr.Duration), Failures: 3, Keep: true,
	}
	direct, timed := dockers, dockers
	direct.Command, direct.Interval, direct.Timeout, direct.Grace, direct.Failures = []string{"curl", "x"}, 1, 2,
		new(mctr.Duration(3)), 4
	direct.StartInterval = 5
	timed.Interval, timed.StartInterval, timed.Failures = mctr.Duration(time.Second), mctr.Duration(2*time.Second), 7
	for _, c := range []struct {
		name  string
		asked *mctr.HealthCheck
		image *provisioner.Image
		want  *mctr.HealthCheck
		err   error
	}{
		{name: "nothing"},
		{name: "an image without", image: &provisioner.Image{}},
		{name: "an empty one", image: checked(store.Healthcheck{Interval: 5})},
		{name: "NONE", image: checked(store.Healthcheck{Test: []string{"NONE"}})},
		{name: "the image's", image: shell, want: &dockers},
		{name: "without a shell", want: &direct, image: checked(store.Healthcheck{
			Test: []string{"CMD", "curl", "x"}, Interval: 1, Timeout: 2, StartPeriod: 3, Retries: 4, StartInterval: 5,
		})},
		{name: "asked for", asked: own, image: shell, want: own},
		{name: "times of the image's",
			asked: &mctr.HealthCheck{Image: true, Interval: mctr.Duration(time.Second),
				StartInterval: mctr.Duration(2 * time.Second), Failures: 7},
			image: shell, want: &timed},
		{name: "times of none", asked: &mctr.HealthCheck{Image: true, Interval: mctr.Duration(time.Second)},
			image: &provisioner.Image{}, err: mctr.ErrInvalid},
		{name: "refused", asked: &mctr.HealthCheck{Disabled: true}, image: shell},
		// What docker makes of odd ones (moby, daemon/health.go): no check, or the defaults.
		{name: "unknown", image: checked(store.Healthcheck{Test: []string{"HTTP", "x"}})},
		{name: "no command", image: checked(store.Healthcheck{Test: []string{"CMD"}})},
		{name: "no script", image: checked(store.Healthcheck{Test: []string{"CMD-SHELL"}})},
		{name: "an empty kind", image: checked(store.Healthcheck{Test: []string{""}})},
		{name: "two scripts", image: checked(store.Healthcheck{Test: []string{"CMD-SHELL", "curl x", "b"}}),
			want: with(dockers, "/bin/sh", "-c", "curl x", "b")},
		{name: "another shell", want: with(dockers, "/bin/bash", "-ec", "curl x"),
			image: &provisioner.Image{Shell: []string{"/bin/bash", "-ec"},
				Healthcheck: &store.Healthcheck{Test: []string{"CMD-SHELL", "curl x"}}}},
		{name: "a shell that is not asked", want: with(dockers, "curl", "x"),
			image: &provisioner.Image{Shell: []string{"/bin/bash", "-ec"},
				Healthcheck: &store.Healthcheck{Test: []string{"CMD", "curl", "x"}}}},
		{name: "back in time", want: with(dockers, "a"), image: checked(store.Healthcheck{
			Test: []string{"CMD", "a"}, Interval: -1, Timeout: -1, StartPeriod: -1, StartInterval: -1, Retries: -1,
		})},
	} {
		got, err := healthOf(c.asked, c.image)
		if diff := cmp.Diff(c.want, got); !errors.Is(err, c.err) || err == nil && diff != "" {
			t.Errorf("%s: %v, want %v; %s", c.name, err, c.err, diff)
		}
	}
}

// with is h with another command.
func with(h mctr.HealthCheck, command ...string) *mctr.HealthCheck {
	h.Command = command
	return &h
}

// TestCheckProbes refuses what cannot be meant.
func TestCheckProbes(t *testing.T) {
	tcp := &mctr.HealthCheck{TCP: &mctr.TCPProbe{Port: 80}}
	for _, bad := range []mctr.ContainerConfig{
		{Health: &mctr.HealthCheck{}}, {Ready: &mctr.HealthCheck{}},
		{Health: &mctr.HealthCheck{Image: true}},                  // of no image
		{Image: "x", Ready: &mctr.HealthCheck{Image: true}},       // images have no readiness
		{Image: "x", Ready: &mctr.HealthCheck{Disabled: true}},    // it can be left out
		{Health: &mctr.HealthCheck{Disabled: true, TCP: tcp.TCP}}, // both
	} {
		if err := checkProbes(&bad); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("health %+v, ready %+v: %v", bad.Health, bad.Ready, err)
		}
	}
	for _, good := range []mctr.ContainerConfig{{}, {Health: tcp, Ready: tcp},
		{Image: "x", Health: &mctr.HealthCheck{Image: true}}} {
		if err := checkProbes(&good); err != nil {
			t.Errorf("health %+v, ready %+v: %v", good.Health, good.Ready, err)
		}
	}
}
