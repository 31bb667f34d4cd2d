package supervise_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
)

// A host plays the containerizer: a start of the container job fails, or runs it for a
// while and ends it.
type host struct {
	*supervise.Supervisor
	job    *store.Container
	clock  *clock
	starts []supervise.Restart
	run    func(start int) error // nil: the run begins
	lives  time.Duration         // of each run
	code   int                   // that each run exits with
}

// A clock says that each time is over at once, and keeps how long it was.
type clock struct {
	mu     sync.Mutex
	waited []time.Duration
	during func() // is called while one waits; nil: nothing happens
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	c.waited = append(c.waited, d)
	c.mu.Unlock()
	if c.during != nil {
		c.during()
	}
	over := make(chan time.Time, 1)
	over <- time.Now()
	return over
}

// exited is a host whose container has exited once.
func exited(t *testing.T, policy string) *host {
	t.Helper()
	h := &host{clock: &clock{}, code: 1, run: func(int) error { return nil }}
	s := store.New(t.TempDir(), t.TempDir())
	for _, dir := range []string{s.Containers(), s.Names(), s.Running(), s.Locks()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := &mctr.ContainerConfig{Owner: "test"}
	var err error
	if config.Restart, err = mctr.ParseRestartPolicy(policy); err != nil {
		t.Fatal(err)
	}
	lock, err := s.Reserve(t.Context(), store.NewRecord("job", config, nil))
	if err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	h.job = s.Container("job")
	h.exit(t)
	h.Supervisor = supervise.New(t.Context(), supervise.Config{
		Store: s, Shims: &shims.Shims{Store: s}, Owner: "test", Log: slog.New(slog.DiscardHandler), Clock: h.clock,
		Verbs: supervise.Verbs{Start: func(_ context.Context, _ mctr.ContainerID, r supervise.Restart) error {
			return h.start(t, r)
		}},
	})
	t.Cleanup(h.Close)
	return h
}

// start is the verb: a run that begins has exited when it returns, so that the next
// Follow finds it as a shim's exit command would.
func (h *host) start(t *testing.T, r supervise.Restart) error {
	h.starts = append(h.starts, r)
	if err := h.run(len(h.starts)); err != nil {
		return err
	}
	if err := h.job.Revive(t.Context(), r.Streak); err != nil {
		t.Error(err)
	}
	h.exit(t)
	return nil
}

// exit records the exit of a run.
func (h *host) exit(t *testing.T) {
	if err := os.RemoveAll(h.job.StateDir()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	err := h.job.SetTermination(&mctr.Termination{
		Reason: mctr.ReasonExited, ExitCode: h.code, Started: now.Add(-h.lives), Finished: now,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *host) restarting(t *testing.T) bool {
	r, err := h.job.Record()
	if err != nil {
		t.Fatal(err)
	}
	return h.RestartPending(r)
}

// TestBackOff wants the pauses before restarts to double up to a bound, and to begin anew
// after a run that lasted.
func TestBackOff(t *testing.T) {
	h := exited(t, "always")
	for range 12 {
		h.clock.waited = nil
		h.Follow(t.Context(), "job")
		var pause time.Duration
		for _, d := range h.clock.waited {
			pause += d
		}
		want := min(100*time.Millisecond<<(len(h.starts)-1), time.Minute)
		if pause != want || h.starts[len(h.starts)-1].Streak != len(h.starts) {
			t.Errorf("start %d after %v, want %v; streak %d", len(h.starts), pause, want,
				h.starts[len(h.starts)-1].Streak)
		}
	}
	h.lives = time.Hour
	h.exit(t)
	h.clock.waited = nil
	h.Follow(t.Context(), "job")
	if want := []time.Duration{100 * time.Millisecond}; !slices.Equal(h.clock.waited, want) {
		t.Errorf("after a run that lasted: %v, want %v", h.clock.waited, want)
	}
}

// TestFailedStarts wants an attempt that fails to be followed by the next, with a longer
// pause, to count as one of the restarts in a row, and its error to be recorded.
func TestFailedStarts(t *testing.T) {
	h := exited(t, "always")
	h.run = func(start int) error {
		if start < 4 {
			return errors.New("no such network")
		}
		if s, err := h.job.State(); err != nil || s.StartError != "no such network" {
			t.Errorf("state: %+v, %v", s, err)
		}
		return nil
	}
	h.Follow(t.Context(), "job")
	want := []time.Duration{100e6, 200e6, 400e6, 800e6}
	if len(h.starts) != 4 || h.starts[3].Streak != 4 || !slices.Equal(h.clock.waited, want) {
		t.Errorf("%d starts after %v, want 4 after %v", len(h.starts), h.clock.waited, want)
	}
}

// TestOnFailure wants the policy on-failure to end after its restarts, or a success.
func TestOnFailure(t *testing.T) {
	h := exited(t, "on-failure:3")
	for range 5 {
		h.Follow(t.Context(), "job")
	}
	if len(h.starts) != 3 {
		t.Errorf("%d restarts, want 3", len(h.starts))
	}
	h = exited(t, "on-failure")
	h.code = 0
	h.Follow(t.Context(), "job")
	h.Follow(t.Context(), "job")
	if len(h.starts) != 1 {
		t.Errorf("%d restarts, want 1", len(h.starts))
	}
}

// TestNotWantedAnyMore changes what the container is while its restart is pending: no
// process may start it then, nor announce its restart.
func TestNotWantedAnyMore(t *testing.T) {
	for name, happens := range map[string]func(*host, *testing.T) error{
		"stopped": func(h *host, t *testing.T) error { return h.job.RecordStop(t.Context()) },
		"removed": func(h *host, t *testing.T) error { return os.RemoveAll(h.job.Dir()) },
		"run by another process": func(h *host, t *testing.T) error {
			time.Sleep(time.Millisecond)
			h.exit(t)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := exited(t, "always")
			h.clock.during = func() {
				if !h.restarting(t) {
					t.Error("its restart is not pending")
				}
				if err := happens(h, t); err != nil {
					t.Error(err)
				}
			}
			h.Follow(t.Context(), "job")
			if len(h.starts) > 0 {
				t.Errorf("it was started")
			}
			if s, err := h.job.State(); err == nil && s.Pending != store.Nothing {
				t.Errorf("pending: %s", s.Pending)
			}
		})
	}
}

// TestForeground has a caller in the foreground take its time: no restart is made before
// it asks for the next run, and none after it left.
func TestForeground(t *testing.T) {
	h := exited(t, "always")
	var said []string
	runs := &supervise.Runs{
		Restarting: func(last *mctr.Termination) { said = append(said, last.Reason) },
		Failed:     func(err error) { said = append(said, err.Error()) },
	}
	h.run = func(int) error { return errors.New("not now") }
	followed := make(chan struct{})
	h.Go(func(context.Context) {
		defer close(followed)
		supervise.FollowInForeground(h.Supervisor, "job", runs)
	})
	for !h.restarting(t) {
		time.Sleep(time.Millisecond)
	}
	if len(h.clock.waited) > 0 {
		t.Errorf("the back-off began before the caller asked for the run")
	}
	h.run = func(start int) error {
		switch start {
		case 1, 2:
			return errors.New("not now")
		}
		runs.Stop()
		return errors.New("never")
	}
	if stream := runs.Next(t.Context()); stream != nil {
		t.Error("a stream of no run")
	}
	<-followed
	want := []string{"EXITED", "not now", "EXITED", "not now", "EXITED", "never"}
	if !slices.Equal(said, want) {
		t.Errorf("told %q, want %q", said, want)
	}
	if s, err := h.job.State(); err != nil || s.Pending != store.Nothing {
		t.Errorf("pending: %+v, %v", s, err)
	}
	if stream := runs.Next(t.Context()); stream != nil || len(h.starts) != 3 {
		t.Errorf("%d starts; Next after the end: %v", len(h.starts), stream)
	}
}

// TestNextEnds wants Next to return at the end of its context, whether a restart is
// under way or not, and that to be the end of the caller's wish.
func TestNextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := &supervise.Runs{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if stream := runs.Next(ctx); stream != nil || ctx.Err() == nil {
			t.Errorf("%v, %v", stream, ctx.Err())
		}
	})
}

// TestOrphaned wants the restart of a process that died to be found and made, unless the
// container belongs to another owner.
func TestOrphaned(t *testing.T) {
	h := exited(t, "always")
	if h.RestartOrphaned("job") {
		t.Error("orphaned, and no process announced it")
	}
	err := h.job.Change(t.Context(), store.AwaitRestart, func(s *store.State) { s.Pending = store.Restart })
	if err != nil {
		t.Fatal(err)
	}
	if !h.RestartOrphaned("job") {
		t.Error("not orphaned")
	}
	h.Owner = "another"
	if h.RestartOrphaned("job") || h.StartOrphaned(t.Context(), "job", true) != nil || len(h.starts) > 0 {
		t.Error("another owner's restart was taken")
	}
	h.Owner = "test"
	if err := h.StartOrphaned(t.Context(), "job", true); err != nil || len(h.starts) != 1 || !h.starts[0].Detach {
		t.Errorf("%v, %+v", err, h.starts)
	}
	if _, err := os.Lstat(filepath.Join(h.job.Dir())); err != nil {
		t.Error(err)
	}
}
