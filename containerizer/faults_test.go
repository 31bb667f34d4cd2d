package containerizer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/isolators/isolatortest"
)

var errFault = errors.New("fault")

// A faulty isolator fails in one verb.
type faulty struct {
	isolators.Base
	verb string
}

func (f *faulty) Name() string { return "test/faulty" }

func (f *faulty) Cleanup(context.Context, mctr.Handle) error {
	if f.verb == "cleanup" {
		return errFault
	}
	return nil
}

// A holder counts what it holds for containers.
type holder struct {
	isolators.Base
	held atomic.Int32
}

func (*holder) Name() string { return "test/holder" }

func (h *holder) Prepare(context.Context, *mctr.Container) (*mctr.Adjustment, error) {
	h.held.Add(1)
	return nil, nil
}

func (h *holder) Cleanup(context.Context, mctr.Handle) error {
	h.held.Store(0)
	return nil
}

// TestFaults has an isolator fail, or panic, in each of its verbs, before and after
// its work. A launch that fails leaves nothing and names the isolator; a running
// container goes on; clean-up goes on past it and is made up for later.
func TestFaults(t *testing.T) {
	for _, verb := range []string{"Check", "Prepare", "Isolate", "Watch", "Update", "Usage", "Status", "Recover",
		"Cleanup"} {
		for name, fault := range map[string]isolatortest.Fault{"error": isolatortest.Fail(errFault),
			"panic": isolatortest.Panic(errFault)} {
			for when, set := range map[string]func(*isolatortest.Faults, string, isolatortest.Fault){
				"before": (*isolatortest.Faults).Before, "after": (*isolatortest.Faults).After,
			} {
				t.Run(verb+"/"+name+"/"+when, func(t *testing.T) {
					h := &holder{}
					f := isolatortest.NewFaults(h)
					a := newAgent(t, f)
					set(f, verb, fault)
					a.lifeWith(verb)
					set(f, verb, nil)
					if _, err := a.Reconcile(t.Context()); err != nil {
						t.Error("reconcile: ", err)
					}
					a.removeAny("job")
					if n := h.held.Load(); n != 0 {
						t.Errorf("it holds %d", n)
					}
				})
			}
		}
	}
}

// warned is a status' warning as an error.
func warned(s *mctr.Status) error {
	if len(s.Warnings) == 0 {
		return nil
	}
	return errors.New(strings.Join(s.Warnings, "; "))
}

// lifeWith goes through a container's life, and wants the isolator's fault in the
// one call that it belongs to.
func (a *agent) lifeWith(verb string) {
	a.t.Helper()
	ctx := a.t.Context()
	wants := func(call string, err error, verbs ...string) {
		a.t.Helper()
		if !slices.Contains(verbs, verb) {
			if err != nil {
				a.t.Errorf("%s with a fault in %s: %v", call, verb, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), "test/holder") ||
			!strings.Contains(err.Error(), errFault.Error()) {
			a.t.Errorf("%s does not name the isolator and its fault: %v", call, err)
		}
	}
	_, err := a.Launch(ctx, "job", a.config("sleep", "100"), containerizer.LaunchOptions{})
	wants("launch", err, "Check", "Prepare", "Isolate")
	if err != nil {
		return
	}
	_, err = a.Usage(ctx, "job")
	wants("usage", err, "Usage")
	status, err := a.Status(ctx, "job")
	if err != nil { // what the others know is told all the same
		a.t.Errorf("status: %v", err)
		return
	}
	wants("status", warned(status), "Status")
	shares := uint64(512)
	wants("update", a.Update(ctx, "job", mctr.Resources{CPU: mctr.CPU{Shares: &shares}}), "Update")
	_, err = a.Leftovers(ctx)
	wants("leftovers", err, "Recover")
	if phase := a.phase("job"); phase != mctr.Running {
		a.t.Errorf("a fault in %s, and the container is %s", verb, phase)
	}
	_, err = a.Destroy(ctx, "job")
	wants("destroy", err, "Cleanup")
}

// phase asks another process, with sound isolators.
func (a *agent) phase(id mctr.ContainerID) mctr.Phase {
	a.t.Helper()
	table := a.table
	a.table = a.table[:len(a.table)-1]
	defer func() { a.table = table }()
	s, err := a.open().Status(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	return s.Phase
}

func (a *agent) removeAny(id mctr.ContainerID) {
	a.t.Helper()
	if err := a.Remove(a.t.Context(), id, true); err != nil && !errors.Is(err, mctr.ErrNotFound) {
		a.t.Error(err)
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

// TestFailpointsAreUnique wants no checkpoint to hide behind another's name.
func TestFailpointsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, point := range store.Checkpoints(builtin.Table(builtin.Deps{})) {
		if seen[point] {
			t.Errorf("%s is there twice", point)
		}
		seen[point] = true
	}
}
