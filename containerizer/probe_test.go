package containerizer_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// healthOf waits for a status of the container's health.
func (a *agent) healthOf(id mctr.ContainerID, status string) *mctr.Health {
	a.t.Helper()
	var h *mctr.Health
	a.eventually(string(id)+" is "+status, func() bool {
		s, err := a.open().Status(a.t.Context(), id)
		if err != nil {
			a.t.Fatal(err)
		}
		h = s.Health
		return h != nil && h.Status == status
	})
	return h
}

// exec runs a command in the container to its end.
func (a *agent) exec(id mctr.ContainerID, args ...string) {
	a.t.Helper()
	stream, err := a.Exec(a.t.Context(), id, containerizer.Exec{Args: args})
	if err != nil {
		a.t.Fatal(err)
	}
	defer stream.Close()
	if _, err := stream.Copy(a.t.Context(), io.Discard, io.Discard, nil); err != nil {
		a.t.Error(err)
	}
}

func check(h mctr.HealthCheck) *mctr.HealthCheck {
	h.Interval, h.Grace, h.Failures = mctr.Duration(20*time.Millisecond), new(mctr.Duration), 2
	return &h
}

// TestHealth has a server in a network of its own, with a probe of each kind.
func TestHealth(t *testing.T) {
	a := newAgent(t)
	for name, probe := range map[string]mctr.HealthCheck{
		"http": {HTTP: &mctr.HTTPGet{Port: 8080, Path: "/page"}}, "tcp": {TCP: &mctr.TCPProbe{Port: 8080}},
		"command": {Command: []string{"test", "-e", "/www/page"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := a.config("sh", "-c",
				"mkdir /www; echo hi >/www/page; busybox httpd -f -p 8080 -h /www & echo $! >/pid; wait; sleep 100")
			probe.Keep = true
			config.Health = check(probe)
			a.launchConfig("server", config)
			a.healthOf("server", mctr.Healthy)
			// What was healthy becomes unhealthy, and goes on, as it is asked to.
			a.exec("server", "sh", "-c", "rm /www/page; kill $(cat /pid)")
			if h := a.healthOf("server", mctr.Unhealthy); h.Streak < 2 || h.Probes[len(h.Probes)-1].Error == "" {
				t.Errorf("health: %+v", h)
			}
			a.remove("server")
		})
	}
}

// TestUnhealthyHasGrace wants an unhealthy container asked to end, once, before it is
// killed: by its stop signal, with its time to stop.
func TestUnhealthyHasGrace(t *testing.T) {
	a := newAgent(t)
	for script, want := range map[string]int{
		"trap 'echo asked; exit 5' USR1; while :; do sleep 0.01; done": 5,
		"trap 'echo asked' USR1; while :; do sleep 0.01; done":         128 + 9,
	} {
		config := a.config("sh", "-c", script)
		config.Health = check(
			mctr.HealthCheck{Command: []string{"false"}, Delay: mctr.Duration(200 * time.Millisecond)})
		config.StopSignal, config.StopTimeout = "SIGUSR1", new(mctr.Duration(300*time.Millisecond))
		a.launchConfig("job", config)
		end, err := a.Wait(t.Context(), "job")
		if err != nil || end.Reason != mctr.ReasonUnhealthy || end.ExitCode != want {
			t.Errorf("%s: ended by %+v, %v; want %d", script, end, err, want)
		}
		if asked := strings.Count(a.log("job"), "asked"); asked != 1 {
			t.Errorf("%s: it was asked %d times", script, asked)
		}
		a.remove("job")
	}
}

// TestUnhealthyEnds wants a container whose probes fail to be ended for that, and
// the change to be told; also one that was adopted.
func TestUnhealthyEnds(t *testing.T) {
	a := newAgent(t)
	config := a.config("sh", "-c", "touch /ok; sleep 100")
	config.Health = check(mctr.HealthCheck{Command: []string{"sh", "-c", "[ -e /ok ] || { echo it is gone; exit 4; }"}})
	a.launchConfig("job", config)
	a.healthOf("job", mctr.Healthy)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	a.recover()
	a.exec("job", "rm", "/ok")
	end, err := a.Wait(t.Context(), "job")
	if err != nil || end.Reason != mctr.ReasonUnhealthy || !strings.Contains(end.Message, "exit code 4: it is gone") ||
		end.Limitation == nil {
		t.Errorf("ended by %+v, %v", end, err)
	}
	var told []string
	for e, err := range a.Events(t.Context(), mctr.EventOptions{}) {
		if err == nil && e.Action == mctr.EventHealth {
			told = append(told, e.Attributes["status"])
		}
	}
	if got := strings.Join(told, " "); !strings.HasPrefix(got, "healthy") || !strings.HasSuffix(got, "unhealthy") {
		t.Errorf("told: %s", got)
	}
	a.remove("job")
}

func TestBadHealthCheck(t *testing.T) {
	a := newAgent(t)
	config := a.config("true")
	config.Health = &mctr.HealthCheck{}
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("launch: %v", err)
	}
}

// TestPausedIsNotUnhealthy pauses for longer than it takes to be unhealthy.
func TestPausedIsNotUnhealthy(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Health = check(
		mctr.HealthCheck{Command: []string{"true"}, Timeout: mctr.Duration(10 * time.Millisecond),
			Delay: mctr.Duration(300 * time.Millisecond)})
	a.launchConfig("job", config)
	if err := a.Pause(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(600 * time.Millisecond) // the delay, and ten times an interval and a time-out
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Paused {
		t.Errorf("status: %+v, %v", s, err)
	}
	if err := a.Resume(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	a.remove("job")
}
