package containerizer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

func (a *agent) restarting(policy, script string) *mctr.ContainerConfig {
	a.t.Helper()
	config := a.config("sh", "-c", script)
	var err error
	if config.Restart, err = mctr.ParseRestartPolicy(policy); err != nil {
		a.t.Fatal(err)
	}
	return config
}

// TestRestartPolicy wants a container that fails to be started as often as it is
// said, with its files.
func TestRestartPolicy(t *testing.T) {
	a := newAgent(t)
	config := a.restarting("on-failure:3", "echo x >>/tries; echo try; [ $(grep -c . /tries) = 3 ]")
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	a.eventually("it has succeeded", func() bool {
		s, err := a.Status(t.Context(), "job")
		return err == nil && s.Phase == mctr.Exited && s.Termination.ExitCode == 0
	})
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Restarts != 2 {
		t.Errorf("status: %+v, %v", s, err)
	}
	if got := strings.Count(a.log("job"), "try"); got != 3 {
		t.Errorf("%d tries", got)
	}
	a.remove("job")
}

// TestRestartEnds wants what was stopped to stay stopped, and what is started then
// to be restarted again; also by an agent that took it over.
func TestRestartEnds(t *testing.T) {
	a := newAgent(t)
	a.launchConfig("job", a.restarting("always", "trap 'exit 0' TERM; while :; do sleep 0.01; done"))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	a.recover()
	running := func(restarts int) func() bool {
		return func() bool {
			s, err := a.Status(t.Context(), "job")
			return err == nil && s.Phase == mctr.Running && s.Restarts == restarts
		}
	}
	if err := a.Kill(t.Context(), "job", unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.eventually("it was restarted", running(1))
	if _, err := a.Stop(t.Context(), "job", unix.SIGTERM, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // three times the pause before a restart
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Exited || s.Restarts != 1 {
		t.Errorf("stopped: %+v, %v", s, err)
	}
	if _, err := a.Start(t.Context(), "job", containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(t.Context(), "job", unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.eventually("it was restarted again", running(3))
	a.remove("job")
}

func TestRestartAndRemove(t *testing.T) {
	a := newAgent(t)
	config := a.restarting("always", "true")
	config.Remove = true
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("launch: %v", err)
	}
}
