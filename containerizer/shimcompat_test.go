package containerizer_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/testprogram"
)

// withShim is an agent whose shim is another one.
func (a *agent) withShim(program string) *containerizer.Containerizer {
	a.t.Helper()
	c, err := a.tryOpen(containerizer.WithShim(program), containerizer.WithWatchCommand("/bin/true"))
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = c.Close() })
	return c
}

// wantNamed wants an error that names what is not understood, the program and the remedy.
func wantNamed(t *testing.T, what string, err error, names ...string) {
	t.Helper()
	if !errors.Is(err, mctr.ErrUnsupported) {
		t.Errorf("%s: got %v, want ErrUnsupported", what, err)
		return
	}
	for _, name := range append(names, "mctr's programs together") {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %q lacks %q", what, err, name)
		}
	}
}

// TestOlderShim launches by one that lacks something: what needs that is refused before
// anything is made, and the rest works.
func TestOlderShim(t *testing.T) {
	a, shim := newAgent(t), newOlderShim(t)
	a.Containerizer = a.withShim(shim.program)
	probed, timed := a.config("true"), a.config("true")
	probed.Health = &mctr.HealthCheck{Command: []string{"true"}}
	timed.MaxCompletion = mctr.Duration(time.Minute)
	for _, c := range []struct {
		name   string
		lacks  []string
		config *mctr.ContainerConfig
		want   []string
	}{
		{"says nothing", nil, a.config("true"), []string{"does not say what it understands", "older"}},
		{"a health check", []string{"create.watch"}, probed,
			[]string{"create.watch (health.command", "an older build"}},
		{"a time", []string{"create.maxTime"}, timed, []string{"create.maxTime (max_completion)"}},
		{"a verb", []string{"start"}, a.config("true"), []string{"start is not supported"}},
	} {
		shim.write(nil)
		if c.lacks != nil {
			shim.lacks(c.lacks...)
		}
		_ = os.Remove(a.state + "/shim.json") // the program is another one
		names := append(c.want, shim.program)
		_, err := a.Launch(t.Context(), "job", c.config, containerizer.LaunchOptions{})
		wantNamed(t, c.name+": launch", err, names...)
		if phase := (*mctr.PhaseError)(nil); errors.As(err, &phase) {
			t.Errorf("%s: it is refused by the launch, and not before: %v", c.name, err)
		}
		wantNamed(t, c.name+": create", a.Create(t.Context(), "job", c.config, nil), names...)
	}
	shim.lacks("create.watch", "create.maxTime", "create.hold", "signal.ends", "destroy.grace", "exec.whole")
	_ = os.Remove(a.state + "/shim.json")
	a.launch("job", "sh", "-c", "exit 7")
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.ExitCode != 7 {
		t.Errorf("what needs nothing of that: %+v, %v", end, err)
	}
	if err := a.Remove(t.Context(), "job", true); err != nil {
		t.Error(err)
	}
	shim.wantNothingLost()
}

// TestOlderShimAtStart wants a container refused that is to be started by a shim which
// does not understand it, and left as it was.
func TestOlderShimAtStart(t *testing.T) {
	a, shim := newAgent(t), newOlderShim(t)
	config := a.config("true")
	config.MaxCompletion = mctr.Duration(time.Minute)
	if err := a.Create(t.Context(), "job", config, nil); err != nil {
		t.Fatal(err)
	}
	shim.lacks("create.maxTime")
	_, err := a.withShim(shim.program).Start(t.Context(), "job", containerizer.LaunchOptions{})
	wantNamed(t, "start", err, "create.maxTime", shim.program)
	if status, err := a.Status(t.Context(), "job"); err != nil || status.Phase != mctr.Created {
		t.Errorf("it is %+v, %v", status, err)
	}
	if err := a.Remove(t.Context(), "job", true); err != nil {
		t.Error(err)
	}
}

// TestOlderShimUnnoticed wants a launch undone whose shim was exchanged after it was asked
// what it understands.
func TestOlderShimUnnoticed(t *testing.T) {
	a, shim := newAgent(t), newOlderShim(t)
	c := a.withShim(shim.program)
	config := a.config("true")
	config.MaxCompletion = mctr.Duration(time.Minute)
	for name, exchange := range map[string]func(){
		"says nothing": shim.saysNothing, "lacks a field": func() { shim.lacks("create.maxTime") }} {
		shim.lacks()
		_ = os.Remove(a.state + "/shim.json")
		if err := c.Check(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		exchange()
		_, err := c.Launch(t.Context(), "job", config, containerizer.LaunchOptions{})
		wantNamed(t, name, err)
		a.wantNothing()
	}
	shim.wantNothingLost()
}

// TestOlderShimRuns is a new build among containers of an old one, whose shims do not say
// what they understand: these are ended, looked at and removed as ever, and what such a
// shim may not understand is refused by name.
func TestOlderShimRuns(t *testing.T) {
	a, shim := newAgent(t), newOlderShim(t)
	shim.lacks()
	c := a.withShim(shim.program)
	for _, id := range []mctr.ContainerID{"stopped", "retired", "killed"} {
		config := a.config("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
		if _, err := c.Launch(t.Context(), id, config, containerizer.LaunchOptions{Detach: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	shim.saysNothing()
	a.execSays("stopped", containerizer.Exec{Args: []string{"echo", "in it"}}, "in it\n")
	_, err := a.Exec(t.Context(), "stopped", containerizer.Exec{Args: []string{"true"}, Whole: true})
	wantNamed(t, "a session", err, "exec.whole", "pid ", testprogram.Find(t, "mctr-shim"))
	if err := a.Update(t.Context(), "stopped", limits(64<<20, 70)); err != nil {
		t.Error(err)
	}
	if err := a.Pause(t.Context(), "stopped"); err != nil {
		t.Error(err)
	}
	end, err := a.Stop(t.Context(), "stopped", mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(10 * time.Second)})
	if err != nil || end.ExitCode != 7 {
		t.Errorf("a paused one is stopped: %+v, %v", end, err)
	}
	if err := a.Kill(t.Context(), "retired", unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if _, err := a.Wait(t.Context(), "retired"); err != nil {
		t.Error(err)
	}
	if _, err := a.Destroy(t.Context(), "killed"); err != nil {
		t.Error(err)
	}
	for _, id := range []mctr.ContainerID{"stopped", "retired", "killed"} {
		if err := a.Remove(t.Context(), id, true); err != nil {
			t.Error(err)
		}
	}
	shim.wantNothingLost()
}

func (a *agent) execSays(id mctr.ContainerID, e containerizer.Exec, want string) {
	a.t.Helper()
	stream, err := a.Exec(a.t.Context(), id, e)
	if err != nil {
		a.t.Fatal(err)
	}
	defer stream.Close()
	var out bytes.Buffer
	if _, err := stream.Copy(a.t.Context(), &out, &out, nil); err != nil || out.String() != want {
		a.t.Errorf("it says %q, %v; want %q", out.String(), err, want)
	}
}
