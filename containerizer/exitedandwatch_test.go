package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
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

// endless runs until a signal, of which it names each.
const endless = "for s in HUP TERM QUIT; do trap \"echo $s; exit 1\" $s; done; echo up; while :; do sleep 0.01; done"

// runs waits until the container has been started again so many times, and its
// script traps signals.
func (a *agent) runs(restarts int) {
	a.t.Helper()
	var s *mctr.Status
	var err error
	defer func() {
		if a.t.Failed() {
			a.t.Errorf("want %d restarts: %+v, %v; it said %s", restarts, s, err, a.log("job"))
		}
	}()
	a.eventually("it runs", func() bool {
		s, err = a.Status(a.t.Context(), "job")
		return err == nil && s.Phase == mctr.Running && s.Restarts == restarts &&
			strings.Count(a.log("job"), "up") == restarts+1
	})
}

// wantStopped wants nobody to start the container again.
func (a *agent) wantStopped(restarts int) {
	a.t.Helper()
	if _, err := a.Wait(a.t.Context(), "job"); err != nil {
		a.t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // three times the pause before a restart
	if s, err := a.Status(a.t.Context(), "job"); err != nil || s.Phase != mctr.Exited || s.Restarts != restarts {
		a.t.Errorf("stopped: %+v, %v", s, err)
	}
}

// TestRestartEnds wants what was stopped, or killed by a signal that is meant as an
// end, to stay ended, and what is started then to be restarted again after any
// other; also by an agent that took it over.
func TestRestartEnds(t *testing.T) {
	a := newAgent(t)
	config := a.restarting("always", endless)
	config.StopSignal = "QUIT"
	a.launchConfig("job", config)
	a.runs(0)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	a.recover()
	restarts := 0
	for _, end := range []struct {
		name string
		by   func() error
	}{
		{"Stop", func() error {
			_, err := a.Stop(t.Context(), "job", mctr.StopOptions{Signal: unix.SIGQUIT, Timeout: new(10 * time.Second)})
			return err
		}},
		{"SIGKILL", func() error { return a.Kill(t.Context(), "job", unix.SIGKILL) }},
		{"its stop signal", func() error { return a.Kill(t.Context(), "job", unix.SIGQUIT) }},
	} {
		for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGTERM} {
			if err := a.Kill(t.Context(), "job", sig); err != nil {
				t.Fatal(sig, err)
			}
			restarts++
			a.runs(restarts)
		}
		if err := end.by(); err != nil {
			t.Fatal(end.name, err)
		}
		a.wantStopped(restarts)
		if _, err := a.Start(t.Context(), "job", containerizer.LaunchOptions{}); err != nil {
			t.Fatal(err)
		}
		restarts++
		a.runs(restarts)
	}
	a.remove("job")
}

// TestKillBeforeRestart wants a container that waits for its next start to be shown
// so, and to be told as well: it does not run, and will not.
func TestKillBeforeRestart(t *testing.T) {
	a := newAgent(t)
	if _, err := a.Launch(t.Context(), "job", a.restarting("always", "exit 1"),
		containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	var waiting *mctr.Status
	a.eventually("it waits to be started", func() bool {
		s, err := a.Status(t.Context(), "job")
		waiting = s
		return err == nil && s.Phase == mctr.Exited && s.Restarting && s.Restarts >= 2
	})
	killed := a.Kill(t.Context(), "job", unix.SIGKILL)
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if killed != nil && s.Restarts == waiting.Restarts { // else it did not wait any more
		t.Fatal(killed)
	}
	time.Sleep(time.Second) // longer than the pause is by then
	if now, err := a.Status(t.Context(), "job"); err != nil || now.Restarts > s.Restarts || now.Restarting {
		t.Errorf("killed, it was started again: %+v, %v", now, err)
	}
	a.remove("job")
}

// A gate is an isolator that holds up a verb of a second launch.
type gate struct {
	isolators.Base
	verb             string
	calls            int
	reached, opening chan struct{}
}

func (*gate) Name() string { return "test/gate" }

func (g *gate) pass(verb string) {
	if verb != g.verb {
		return
	}
	if g.calls++; g.calls == 2 {
		close(g.reached)
		<-g.opening
	}
}

func (g *gate) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) {
	g.pass("prepare")
	return nil, nil
}

func (g *gate) Cleanup(context.Context, mctr.Handle) error {
	g.pass("cleanup")
	return nil
}

// TestKillStarting kills a container that its policy is starting, by another process:
// the run that is under way is the last, and it ends by the signal.
func TestKillStarting(t *testing.T) {
	for _, verb := range []string{"cleanup", "prepare"} { // the first is done before it shows that it is launched
		t.Run(verb, func(t *testing.T) {
			g := &gate{verb: verb, reached: make(chan struct{}), opening: make(chan struct{})}
			a := newAgent(t, g)
			a.launchConfig("job", a.restarting("always", "[ -e /ran ] || { >/ran; exit 1; }; sleep 10"))
			<-g.reached
			other, killed := a.open(), make(chan error, 1)
			go func() { killed <- other.Kill(t.Context(), "job", unix.SIGKILL) }()
			a.eventually("it is marked", a.records("job").Stopped)
			close(g.opening)
			if err := <-killed; err != nil {
				t.Error(err)
			}
			a.wantStopped(1)
			if end, err := a.Wait(t.Context(), "job"); err != nil || end.Signal != int(unix.SIGKILL) {
				t.Errorf("it was not killed: %+v, %v", end, err)
			}
			a.remove("job")
		})
	}
}

// TestKillFirstLaunch wants a container that is launched for the first time not to be
// waited for, and to follow its policy afterwards.
func TestKillFirstLaunch(t *testing.T) {
	g := &gate{verb: "prepare", calls: 1, reached: make(chan struct{}), opening: make(chan struct{})}
	a := newAgent(t, g)
	launched := make(chan error, 1)
	go func() {
		_, err := a.Launch(t.Context(), "job", a.restarting("always", "[ -e /ran ] || { >/ran; exit 1; }; sleep 100"),
			containerizer.LaunchOptions{})
		launched <- err
	}()
	<-g.reached
	if err := a.open().Kill(t.Context(), "job", unix.SIGKILL); !errors.Is(err, mctr.ErrState) {
		t.Errorf("kill: %v", err)
	}
	close(g.opening)
	if err := <-launched; err != nil {
		t.Fatal(err)
	}
	a.eventually("it is started again", func() bool {
		s, err := a.Status(t.Context(), "job")
		return err == nil && s.Restarts == 1 && s.Phase == mctr.Running
	})
	a.remove("job")
}

// wantOrphaned wants c to name so many containers that nobody is there to start again.
func (a *agent) wantOrphaned(c *containerizer.Containerizer, n int) {
	a.t.Helper()
	if left, err := c.Leftovers(a.t.Context()); err != nil || len(left) != n {
		a.t.Errorf("left over: %v, %v; want %d", left, err, n)
	}
}

// TestOrphanedRestart has who is about to start a container again die. Whose the container is
// may start it by reconciling, unless it was stopped.
func TestOrphanedRestart(t *testing.T) {
	a := newAgent(t)
	config := a.restarting("always", "[ -e /ran ] || { >/ran; exit 1; }; sleep 100")
	foreground := &containerizer.Runs{}
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{Runs: foreground}); err != nil {
		t.Fatal(err)
	}
	pending := func() bool {
		s, err := a.Status(t.Context(), "job")
		return err == nil && s.Restarting
	}
	a.eventually("its restart waits for the caller in the foreground", pending)
	a.wantOrphaned(a.Containerizer, 0)
	foreground.Stop()
	a.eventually("its restart is given up", func() bool { return !pending() })
	a.wantOrphaned(a.Containerizer, 0)
	mark := func() {
		// as one that was killed leaves it
		err := a.records("job").Change(t.Context(), store.AwaitRestart, func(s *store.State) {
			s.Pending = store.Restart
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	mark()
	other, err := a.tryOpen(containerizer.WithOwner("other"))
	if err != nil {
		t.Fatal(err)
	}
	a.wantOrphaned(other, 0)
	a.wantOrphaned(a.Containerizer, 1)
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Running || s.Restarts != 1 {
		t.Errorf("reconciled: %+v, %v", s, err)
	}
	a.wantOrphaned(a.Containerizer, 0)
	if err := a.Kill(t.Context(), "job", unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.wantStopped(1)
	mark()
	a.wantOrphaned(a.Containerizer, 0)
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

// TestRemoveRestarting removes by force what its policy starts again and again: it
// may run, wait or be about to.
func TestRemoveRestarting(t *testing.T) {
	a := newAgent(t)
	for n := range 20 {
		if _, err := a.Launch(t.Context(), "job", a.restarting("always", "true"),
			containerizer.LaunchOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(n) * 15 * time.Millisecond)
		if err := a.Remove(t.Context(), "job", true); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStatusOfRestarting looks at a container that ends and is started again all the
// time: one that has exited has an end, and no other has one.
func TestStatusOfRestarting(t *testing.T) {
	a := newAgent(t)
	a.launchConfig("job", a.config("true"))
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 30 {
			if _, err := a.Wait(t.Context(), "job"); err != nil {
				t.Error(err)
			}
			if _, err := a.Start(t.Context(), "job", containerizer.LaunchOptions{}); err != nil {
				t.Error(err)
			}
		}
	}()
	for looks := 0; ; looks++ {
		s, err := a.Status(t.Context(), "job")
		if err != nil || (s.Phase == mctr.Exited) != (s.Termination != nil) {
			t.Fatalf("look %d: %+v, %v", looks, s, err)
		}
		select {
		case <-over:
			a.remove("job")
			return
		default:
		}
	}
}

// flaky cannot prepare a container for the second and third time.
type flaky struct {
	isolators.Base
	calls int
}

func (*flaky) Name() string { return "test/flaky" }

func (f *flaky) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) {
	if f.calls++; f.calls == 2 || f.calls == 3 {
		return nil, fmt.Errorf("%w: no such network", mctr.ErrNotFound)
	}
	return nil, nil
}

// TestRestartFails wants a start by the policy that fails followed by the next, and
// told, whatever its error looks like.
func TestRestartFails(t *testing.T) {
	a := newAgent(t, &flaky{})
	a.launchConfig("job", a.restarting("always", "[ -e /ran ] || { >/ran; exit 1; }; sleep 100"))
	status := func() *mctr.Status {
		s, err := a.Status(t.Context(), "job")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a.eventually("a start has failed", func() bool {
		s := status()
		return s.Restarting && strings.Contains(s.StartError, "no such network")
	})
	a.eventually("it runs", func() bool { s := status(); return s.Phase == mctr.Running && s.StartError == "" })
	a.remove("job")
}

// TestRestartedInBetween starts a container again and again that waits for its next
// start: one follower is left, by which the starts have a pause that grows.
func TestRestartedInBetween(t *testing.T) {
	a := newAgent(t)
	a.launchConfig("job", a.restarting("always", "exit 3"))
	waits := func() bool {
		s, err := a.Status(t.Context(), "job")
		return err == nil && s.Restarting && s.Restarts >= 3
	}
	a.eventually("it waits for long", waits)
	for range 6 {
		if _, err := a.Start(t.Context(), "job", containerizer.LaunchOptions{}); err != nil &&
			!errors.Is(err, mctr.ErrState) {
			t.Fatal(err)
		}
		a.eventually("it waits again", waits)
	}
	before, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second) // in which one follower starts it five times; seven did twelve times
	if after, err := a.Status(t.Context(), "job"); err != nil || after.Restarts-before.Restarts > 10 {
		t.Errorf("started %d times in four seconds, %v", after.Restarts-before.Restarts, err)
	}
	a.remove("job")
}
