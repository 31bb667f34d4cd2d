package containerizer_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
)

// TestEndPaused asks paused containers to end, by every way that asks first: they go on,
// and their handlers run.
func TestEndPaused(t *testing.T) {
	const script = "trap 'echo heard; exit 7' TERM; echo up; while :; do sleep 0.01; done"
	for name, end := range map[string]func(a *agent) error{
		"stop": func(a *agent) error {
			_, err := a.Stop(t.Context(), "job", mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(time.Minute)})
			return err
		},
		"stop signal": func(a *agent) error { return a.Kill(t.Context(), "job", unix.SIGTERM) },
		"nested": func(a *agent) error {
			_, err := a.Stop(t.Context(), "job", mctr.StopOptions{Signal: unix.SIGKILL, Timeout: new(time.Minute)})
			return err
		},
		"another's": func(a *agent) error {
			_, err := a.open().Stop(t.Context(), "job", mctr.StopOptions{Timeout: new(time.Minute)})
			return err
		},
		"unhealthy": func(a *agent) error { return a.retire("job") },
		"a whole group": func(a *agent) error {
			_, err := a.Stop(t.Context(), "job", mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(time.Minute)})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t)
			asked := mctr.ContainerID("job")
			config := a.config("sh", "-c", script)
			switch name {
			case "nested":
				a.launch("job", "sleep", "100")
				asked = "job.task"
			case "a whole group":
				g := a.group(map[string]string{"task": script})
				if err := a.LaunchGroup(t.Context(), "job", g, containerizer.LaunchOptions{}); err != nil {
					t.Fatal(err)
				}
				asked = "job.task"
			}
			if name != "a whole group" {
				if _, err := a.Launch(t.Context(), asked, config, containerizer.LaunchOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			a.until(asked, "up")
			paused := asked
			if name == "a whole group" {
				paused = "job"
			}
			if err := a.Pause(t.Context(), paused); err != nil {
				t.Fatal(err)
			}
			if err := end(a); err != nil {
				t.Error(err)
			}
			got, err := a.Wait(t.Context(), asked)
			if err != nil || got.ExitCode != 7 || !strings.Contains(a.log(asked), "heard") {
				t.Errorf("%+v, %v; it printed %q", got, err, a.log(asked))
			}
			if root := asked.Root(); root != asked {
				if _, err := a.Wait(t.Context(), root); err != nil {
					t.Error(err)
				}
			}
			a.remove(asked.Root())
		})
	}
}

// retire has a shim end its container as one that is unhealthy.
func (a *agent) retire(id mctr.ContainerID) error {
	a.t.Helper()
	client, err := launcher.Dial(a.t.Context(), filepath.Join(a.state, "containers", string(id)))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Retire(a.t.Context(), mctr.Limitation{Reason: mctr.ReasonUnhealthy, Message: "it is sick"},
		unix.SIGTERM, time.Minute)
}

// TestPausedHearsLater wants a signal that is not the request to end kept from a paused
// container until it is resumed.
func TestPausedHearsLater(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sh", "-c", "trap 'echo heard' USR1; echo up; while :; do sleep 0.01; done")
	a.until("job", "up")
	if err := a.Pause(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(t.Context(), "job", unix.SIGUSR1); err != nil {
		t.Error(err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Paused {
		t.Errorf("%+v, %v", s, err)
	}
	if err := a.Resume(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	a.until("job", "heard")
	if _, err := a.Destroy(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	a.remove("job")
}
