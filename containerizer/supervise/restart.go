package supervise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/flock"
)

// recheckInterval is how often a process that is about to restart a container looks whether
// the restart is still wanted.
const recheckInterval = time.Second

// A Restart is how the follower of a restart policy starts a container.
type Restart struct {
	Streak    int  // of restarts in a row, with this one
	Detach    bool // the process leaves the container to its exit command
	SecretEnv []string
	Runs      *Runs
}

// Follow makes the restart that the container's policy asks for after an exit, if any. It
// returns when the container runs again, left to its exit command, or is not to run.
func (s *Supervisor) Follow(ctx context.Context, id mctr.ContainerID) {
	s.restart(ctx, id, Restart{Detach: true})
}

// FollowMissed makes, beside its caller, the restart of a container that exited, or was about
// to be restarted, while no process looked after it.
func (s *Supervisor) FollowMissed(id mctr.ContainerID) {
	s.Go(func(ctx context.Context) { s.restart(ctx, id, Restart{}) })
}

// follow is the restart policy's part of Supervise.
func (s *Supervisor) follow(ctx context.Context, id mctr.ContainerID, o Options) {
	if !s.restart(ctx, id, Restart{SecretEnv: o.SecretEnv, Runs: o.Runs}) {
		o.Runs.end()
	}
}

// restart starts an exited container again, if its restart policy asks for that, after a
// back-off that doubles. It returns true once the container runs. A start that fails counts
// as one of the restarts in a row, and the next attempt follows it. Each exit is followed
// once: if another process starts the container meanwhile, the exit of that run is for that
// process to follow. Secrets of the environment are in memory only: after a restart of the
// agent the container runs without them.
func (s *Supervisor) restart(ctx context.Context, id mctr.ContainerID, r Restart) (runs bool) {
	end, err := s.Store.Container(id).Termination()
	if _, _, again := s.next(id, 0); err != nil || end == nil || !again || r.Runs.unwanted() {
		return false
	}
	defer s.hold(ctx, id)() // until it runs: Status must not show it as one that stays exited
	wanted, cancel := r.Runs.whileWanted(ctx)
	defer cancel()
	if !r.Runs.awaitCaller(wanted) {
		return false
	}
	for failed := 0; s.awaitsRestart(id, end.Finished); failed++ {
		streak, after, again := s.next(id, failed)
		if !again || !s.backOff(wanted, id, end.Finished, after) {
			return false
		}
		r.Streak = streak
		r.Runs.restarting(end)
		err := s.Verbs.Start(ctx, id, r)
		switch {
		case err == nil:
			return true
		case s.obsolete(id) || ctx.Err() != nil:
			return false
		}
		s.recordFailure(id, err)
		if r.Runs == nil { // or the caller in the foreground says so
			s.Log.Error("restart", "container", id, "error", err)
		}
		r.Runs.failed(err)
	}
	return false
}

// recordFailure records why a restart failed, and emits the event.
func (s *Supervisor) recordFailure(id mctr.ContainerID, why error) {
	c := s.Store.Container(id)
	err := c.Change(s.ctx, store.FailStart, func(s *store.State) { s.StartError = why.Error() })
	if err != nil {
		s.Log.Error("record why it did not start", "container", id, "error", err)
	}
	c.Emit(mctr.EventNoStart, map[string]string{"error": why.Error()})
}

// next returns which restart in a row the next one is, and after which back-off it is due.
// again is false if the policy asks for none, or the container was stopped on request.
// failed counts the attempts since the exit that did not come to run.
func (s *Supervisor) next(id mctr.ContainerID, failed int) (streak int, after time.Duration, again bool) {
	c := s.Store.Container(id)
	r, err := c.Record()
	if err != nil || r.Config.Restart.Never() || c.Stopped() {
		return 0, 0, false
	}
	t, err := c.Termination()
	if err != nil || t == nil {
		return 0, 0, false
	}
	state, err := c.State()
	if err != nil {
		return 0, 0, false
	}
	streak = max(r.Config.Restart.Streak(t, state.Streak), failed)
	after, again = r.Config.Restart.Next(t, streak)
	return streak + 1, after, again
}

// backOff returns, after a while, whether the container still waits for its start.
func (s *Supervisor) backOff(ctx context.Context, id mctr.ContainerID, end time.Time, while time.Duration) bool {
	for left := while; left > 0; left -= recheckInterval {
		if !s.awaitsRestart(id, end) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-s.Clock.After(min(left, recheckInterval)):
		}
	}
	return ctx.Err() == nil && s.awaitsRestart(id, end)
}

// awaitsRestart reports whether the container still waits for the restart that follows the exit
// at end: it was neither stopped nor removed, and has not run since. If another process is
// launching it, the answer is yes, because that launch may fail.
func (s *Supervisor) awaitsRestart(id mctr.ContainerID, end time.Time) bool {
	c := s.Store.Container(id)
	phase, err := c.Phase()
	switch {
	case err != nil || c.Stopped() || phase.Alive():
		return false
	case phase != mctr.Exited:
		return true
	}
	t, err := c.Termination()
	return err == nil && (t == nil || t.Finished.Equal(end))
}

// obsolete reports whether the container no longer waits for its restart: it was stopped,
// started or removed. The error of the start cannot tell: what was not found may be an
// image or a network.
func (s *Supervisor) obsolete(id mctr.ContainerID) bool {
	c := s.Store.Container(id)
	phase, err := c.Phase()
	return errors.Is(err, mctr.ErrNotFound) || c.Stopped() || err == nil && (phase.Alive() || phase.Launching())
}

// hold announces a restart: until done is called or this process ends, RestartPending
// reports it. If the process ends without calling done, the restart is orphaned.
func (s *Supervisor) hold(ctx context.Context, id mctr.ContainerID) (done func()) {
	c := s.Store.Container(id)
	lock, err := flock.Directory(ctx, c.Dir())
	if err == nil {
		err = c.Change(ctx, store.AwaitRestart, func(s *store.State) {
			if s.Pending == store.Nothing { // or it waits for its first start, whose undoing is under way
				s.Pending = store.Restart
			}
		})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		s.Log.Warn("announce a restart", "container", id, "error", err)
	}
	return func() {
		// Without the lock, the announcement may be another process'. If this process is leaving,
		// the owner of the container has to find the orphaned restart.
		if lock != nil && !(ctx.Err() != nil && s.ownedByOther(id)) {
			if err := s.GiveUpRestart(context.WithoutCancel(ctx), id); err != nil {
				s.Log.Warn("withdraw the announcement of a restart", "container", id, "error", err)
			}
		}
		lock.Unlock()
	}
}

// GiveUpRestart records that no process is about to start the container by its policy. The
// container may have been removed.
func (s *Supervisor) GiveUpRestart(ctx context.Context, id mctr.ContainerID) error {
	c := s.Store.Container(id)
	if state, err := c.State(); err == nil && state.Pending != store.Restart {
		return nil
	}
	err := c.Change(ctx, store.GiveUpRestart, func(s *store.State) {
		if s.Pending == store.Restart {
			s.Pending = store.Nothing
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// RestartPending reports whether a process is about to restart the exited container.
func (s *Supervisor) RestartPending(r *store.Record) bool {
	if r.Config.Restart.Never() {
		return false
	}
	c := s.Store.Container(r.ID)
	held, err := flock.Held(c.Dir())
	return err == nil && held && !c.Stopped() // the waiting process looks for a stop only every recheckInterval
}

// RestartOrphaned reports whether the process that was to restart the exited container died
// before it did. The restart of another owner's container is left to that owner's agent, which
// makes it when it recovers.
func (s *Supervisor) RestartOrphaned(id mctr.ContainerID) bool {
	c := s.Store.Container(id)
	r, err := c.Record()
	if err != nil || r.Config.Owner != s.Owner || c.Stopped() {
		return false
	}
	announced := func() bool {
		state, err := c.State()
		return err == nil && state.Pending == store.Restart
	}
	return announced() && !s.RestartPending(r) && announced() // twice: it may have been withdrawn in between
}

// StartOrphaned makes the restart of a process that died; with detach the container is left
// to its exit command.
func (s *Supervisor) StartOrphaned(ctx context.Context, id mctr.ContainerID, detach bool) error {
	streak, _, again := s.next(id, 0)
	if !again || !s.RestartOrphaned(id) {
		return nil
	}
	err := s.Verbs.Start(ctx, id, Restart{Detach: detach, Streak: streak})
	if err != nil && !s.obsolete(id) {
		return fmt.Errorf("start container %s again: %w", id.Short(), err)
	}
	return nil
}

func (s *Supervisor) ownedByOther(id mctr.ContainerID) bool {
	r, err := s.Store.Container(id).Record()
	return err == nil && r.Config.Owner != s.Owner
}
