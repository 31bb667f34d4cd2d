package containerizer_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators"
)

var errFault = errors.New("fault")

// A faulty isolator fails in one verb, and counts what it holds.
type faulty struct {
	isolators.Base
	verb string
	held atomic.Int32
}

func (f *faulty) Name() string { return "test/faulty" }

func (f *faulty) fail(verb string) error {
	if f.verb == verb {
		return errFault
	}
	return nil
}

func (f *faulty) Check(context.Context, *mctr.ContainerConfig) error { return f.fail("check") }

func (f *faulty) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) {
	f.held.Add(1)
	return nil, f.fail("prepare")
}

func (f *faulty) Isolate(context.Context, mctr.ContainerID, int) error { return f.fail("isolate") }

func (f *faulty) Cleanup(context.Context, mctr.ContainerID) error {
	if err := f.fail("cleanup"); err != nil {
		return err
	}
	f.held.Store(0)
	return nil
}

func TestFaultyIsolator(t *testing.T) {
	for _, verb := range []string{"check", "prepare", "isolate"} {
		t.Run(verb, func(t *testing.T) {
			f := &faulty{verb: verb}
			a := newAgent(t, f)
			_, err := a.Launch(t.Context(), "job", a.config("true"), containerizer.LaunchOptions{})
			if !errors.Is(err, errFault) || !strings.Contains(err.Error(), "test/faulty") {
				t.Errorf("the error does not name the isolator: %v", err)
			}
			if f.held.Load() != 0 {
				t.Error("what it prepared was not cleaned up")
			}
			a.wantNothing()
		})
	}
}

// TestCleanupGoesOn has one isolator that cannot clean up: everything else is
// released, the container says that it is not cleaned, and a second try does it.
func TestCleanupGoesOn(t *testing.T) {
	f := &faulty{verb: "cleanup"}
	a := newAgent(t, f)
	a.launch("job", "true")
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.ExitCode != 0 {
		t.Fatalf("wait: %+v, %v", end, err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Exited || s.Cleaned {
		t.Errorf("status: %+v, %v", s, err)
	}
	if err := a.Remove(t.Context(), "job", false); !errors.Is(err, errFault) {
		t.Errorf("remove: %v", err)
	}
	if left, err := a.Leftovers(t.Context()); err != nil || len(left) == 0 || left[0].Owner != "job" {
		t.Errorf("leftovers: %v, %v", left, err)
	}
	f.verb = ""
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || !s.Cleaned {
		t.Errorf("status after reconcile: %+v, %v", s, err)
	}
	a.remove("job")
}

// A claimant wants the working directory, which is docker/runtime's.
type claimant struct{ isolators.Base }

func (claimant) Name() string { return "test/claimant" }

func (claimant) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) {
	return &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{Cwd: "/tmp"}}}, nil
}

func TestSecondClaimNamesBoth(t *testing.T) {
	a := newAgent(t, claimant{})
	_, err := a.Launch(t.Context(), "job", a.config("true"), containerizer.LaunchOptions{})
	if err == nil || !strings.Contains(err.Error(), "process.cwd: set by docker/runtime and by test/claimant") {
		t.Errorf("launch: %v", err)
	}
}

// A slow isolator waits in Prepare until the launch is destroyed.
type slow struct {
	isolators.Base
	entered chan struct{}
}

func (*slow) Name() string { return "test/slow" }

func (s *slow) Prepare(ctx context.Context, _ *mctr.Container) (*mctr.Adjustment, error) {
	close(s.entered)
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestDestroyDuringLaunch(t *testing.T) {
	s := &slow{entered: make(chan struct{})}
	a := newAgent(t, s)
	launched := make(chan error)
	go func() {
		_, err := a.Launch(t.Context(), "job", a.config("true"), containerizer.LaunchOptions{})
		launched <- err
	}()
	<-s.entered
	if _, err := a.Destroy(t.Context(), "job"); err != nil && !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("destroy: %v", err)
	}
	if err := <-launched; !errors.Is(err, mctr.ErrDestroyed) {
		t.Errorf("launch: %v", err)
	}
	a.wantNothing()
}
