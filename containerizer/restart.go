package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/flock"
)

// recheckInterval is how often a process that is about to restart a container looks whether
// the restart is still wanted.
const recheckInterval = time.Second

// CleanupAndRestart is Cleanup, and then follows the container's restart policy once:
// it returns when the container runs again, or is not to.
func (c *Containerizer) CleanupAndRestart(ctx context.Context, id mctr.ContainerID) error {
	err := c.Cleanup(ctx, id)
	c.restart(ctx, id, LaunchOptions{Detach: true})
	return err
}

// restart starts an exited container again, if its restart policy asks for that, after a
// back-off that doubles. A start that fails counts as one of the restarts in a row, and the
// next attempt follows it. Each exit is followed once: if another process starts the container
// meanwhile, the exit of that run is for that process to follow. Secrets of the environment
// are in memory only: after a restart of the agent the container runs without them.
func (c *Containerizer) restart(ctx context.Context, id mctr.ContainerID, o LaunchOptions) {
	end, err := c.handle(id).Termination()
	if _, _, again := c.nextRestart(id, 0); err != nil || end == nil || !again {
		return
	}
	defer c.HoldRestart(ctx, id)() // until it runs: Status must not show it as one that stays exited
	for failed := 0; c.awaitsRestart(id, end.Finished); failed++ {
		streak, after, again := c.nextRestart(id, failed)
		if !again || !c.pauseBeforeRestart(ctx, id, end.Finished, after) {
			return
		}
		o.streak = streak
		err := c.startByPolicy(ctx, id, o)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.log.Error("restart", "container", id, "error", err)
		c.RecordStartFailure(id, err)
	}
}

// RecordStartFailure records why a restart failed, and emits the event. It is for a caller that
// follows a restart policy itself, by [LaunchOptions.Again].
func (c *Containerizer) RecordStartFailure(id mctr.ContainerID, why error) {
	err := c.handle(id).Change(c.ctx, store.FailStart, func(s *store.State) { s.StartError = why.Error() })
	if err != nil {
		c.log.Error("record why it did not start", "container", id, "error", err)
	}
	c.handle(id).Emit(mctr.EventNoStart, map[string]string{"error": why.Error()})
}

// nextRestart returns which restart in a row the next one is, and after which back-off it is
// due. again is false if the policy asks for none, or the container was stopped on request.
// failed counts the attempts since the exit that did not come to run.
func (c *Containerizer) nextRestart(id mctr.ContainerID, failed int) (streak int, after time.Duration, again bool) {
	r, err := c.handle(id).Record()
	if err != nil || r.Config.Restart.Never() || c.handle(id).Stopped() {
		return 0, 0, false
	}
	t, err := c.handle(id).Termination()
	if err != nil || t == nil {
		return 0, 0, false
	}
	s, err := c.handle(id).State()
	if err != nil {
		return 0, 0, false
	}
	streak = max(r.Config.Restart.Streak(t, s.Streak), failed)
	after, again = r.Config.Restart.Next(t, streak)
	return streak + 1, after, again
}

// awaitsRestart reports whether the container still waits for the restart that follows the exit
// at end: it was neither stopped nor removed, and has not run since. If another process is
// launching it, the answer is yes, because that launch may fail.
func (c *Containerizer) awaitsRestart(id mctr.ContainerID, end time.Time) bool {
	phase, err := c.handle(id).Phase()
	switch {
	case err != nil || c.handle(id).Stopped() || phase.Alive():
		return false
	case phase != mctr.Exited:
		return true
	}
	t, err := c.handle(id).Termination()
	return err == nil && (t == nil || t.Finished.Equal(end))
}

// startByPolicy starts a container as its restart policy asks. A container that was stopped,
// started or removed meanwhile needs no restart, and is no error.
func (c *Containerizer) startByPolicy(ctx context.Context, id mctr.ContainerID, o LaunchOptions) error {
	o.Again = true
	_, err := c.Start(ctx, id, o)
	if err != nil && c.restartObsolete(id) {
		return nil
	}
	return err
}

// restartObsolete reports whether the container no longer waits for its restart. The error of
// the start cannot tell: what was not found may be an image or a network.
func (c *Containerizer) restartObsolete(id mctr.ContainerID) bool {
	phase, err := c.handle(id).Phase()
	return errors.Is(err, mctr.ErrNotFound) || c.handle(id).Stopped() ||
		err == nil && (phase.Alive() || phase.Launching())
}

// HoldRestart announces a restart: until done is called or this process ends,
// [Containerizer.Status] reports the container as restarting. If the process ends without
// calling done, the restart is orphaned, and [Containerizer.Reconcile] makes it.
func (c *Containerizer) HoldRestart(ctx context.Context, id mctr.ContainerID) (done func()) {
	lock, err := flock.Directory(ctx, c.handle(id).Dir())
	if err == nil {
		err = c.handle(id).Change(ctx, store.AwaitRestart, func(s *store.State) {
			if s.Pending == store.Nothing { // or it waits for its first start, whose undoing is under way
				s.Pending = store.Restart
			}
		})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		c.log.Warn("say that it is to be started again", "container", id, "error", err)
	}
	return func() {
		// Without the lock, the announcement may be another process'. If this process is leaving,
		// the owner of the container has to find the orphaned restart.
		if lock != nil && !(ctx.Err() != nil && c.ownedByOther(id)) {
			if err := c.giveUpRestart(context.WithoutCancel(ctx), id); err != nil {
				c.log.Warn("say that it is not to be started again", "container", id, "error", err)
			}
		}
		_ = lock.Unlock() // closing a directory cannot fail usefully
	}
}

// giveUpRestart records that no process is about to start the container by its policy. It
// may be gone.
func (c *Containerizer) giveUpRestart(ctx context.Context, id mctr.ContainerID) error {
	if s, err := c.handle(id).State(); err == nil && s.Pending != store.Restart {
		return nil
	}
	err := c.handle(id).Change(ctx, store.GiveUpRestart, func(s *store.State) {
		if s.Pending == store.Restart {
			s.Pending = store.Nothing
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// restartPending reports whether a process is about to restart the exited container.
func (c *Containerizer) restartPending(r *store.Record) bool {
	if r.Config.Restart.Never() {
		return false
	}
	held, err := flock.Held(c.handle(r.ID).Dir())
	// the process that waits looks for that only every recheckInterval
	return err == nil && held && !c.handle(r.ID).Stopped()
}

// ownedByOther reports whether another owner made the container.
func (c *Containerizer) ownedByOther(id mctr.ContainerID) bool {
	r, err := c.handle(id).Record()
	return err == nil && r.Config.Owner != c.owner
}

// restartOrphaned reports whether the process that was to restart the exited container died
// before it did. The restart of another owner's container is left to that owner's agent, which
// makes it when it recovers.
func (c *Containerizer) restartOrphaned(id mctr.ContainerID) bool {
	r, err := c.handle(id).Record()
	if err != nil || r.Config.Owner != c.owner || c.handle(id).Stopped() {
		return false
	}
	marked := func() bool {
		s, err := c.handle(id).State()
		return err == nil && s.Pending == store.Restart
	}
	return marked() && !c.restartPending(r) && marked() // still: it was not let go in good order meanwhile
}

// startOrphanedRestart makes the restart of a process that died.
func (c *Containerizer) startOrphanedRestart(ctx context.Context, id mctr.ContainerID) error {
	streak, _, again := c.nextRestart(id, 0)
	if !again || !c.restartOrphaned(id) {
		return nil
	}
	o := LaunchOptions{Detach: len(c.commands.Restart) > 0, streak: streak} // a restart command goes on from there
	if err := c.startByPolicy(ctx, id, o); err != nil {
		return fmt.Errorf("start container %s again: %w", id.Short(), err)
	}
	return nil
}

// pauseBeforeRestart says, after a while, whether the container still waits for its start.
func (c *Containerizer) pauseBeforeRestart(ctx context.Context, id mctr.ContainerID, end time.Time,
	while time.Duration) bool {
	for left := while; left > 0; left -= recheckInterval {
		if !c.awaitsRestart(id, end) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(left, recheckInterval)):
		}
	}
	return c.awaitsRestart(id, end)
}

// restartMissed starts a container again that ended, or was about to be started
// again, when nobody watched.
func (c *Containerizer) restartMissed(id mctr.ContainerID) {
	c.watchers.Go(func() { c.restart(c.ctx, id, LaunchOptions{}) })
}

// recordStop records that the container is to stay exited, whatever its restart policy says.
// A container without a policy needs no record.
func (c *Containerizer) recordStop(ctx context.Context, id mctr.ContainerID) error {
	r, err := c.handle(id).Record()
	if err != nil || r.Config.Restart.Never() && len(r.Config.Process.Tasks) == 0 {
		return err
	}
	err = c.handle(id).Change(ctx, store.Stop, func(s *store.State) { s.Desired = store.ToStop })
	if errors.Is(err, store.ErrDamaged) {
		return nil // no restart policy is followed without a state
	}
	return err
}

// recordKill is recordStop for a signal that asks for the exit: SIGKILL, or the container's
// stop signal. It does nothing for a container that is launched for the first time, which does
// not run yet and may take as long as its image takes to come. rested is true if the container
// was waiting for its restart: then it has nothing to be killed.
func (c *Containerizer) recordKill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) (rested bool, err error) {
	r, err := c.handle(id).Record()
	if err != nil || r.Config.Restart.Never() || sig != unix.SIGKILL && sig != c.stopSignalOf(id) {
		return false, err
	}
	if phase, err := c.handle(id).Phase(); err != nil || phase.Launching() && !c.handle(id).Revived() {
		return false, err
	}
	rested = c.restartPending(r)
	if err := c.recordStop(ctx, id); err != nil {
		return false, err
	}
	return rested, c.awaitLaunch(ctx, id)
}

// awaitLaunch waits for a launch that is under way. Who starts the container by its
// policy looks for the mark under the lock: once that was free, the container runs, or
// the mark will be seen.
func (c *Containerizer) awaitLaunch(ctx context.Context, id mctr.ContainerID) error {
	if phase, err := c.handle(id).Phase(); err != nil || phase.Alive() {
		return err
	}
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	return lock.Unlock()
}

// allowRun takes back what markStopped says.
func (c *Containerizer) allowRun(ctx context.Context, id mctr.ContainerID) error {
	if !c.handle(id).Stopped() {
		return nil
	}
	return c.handle(id).Change(ctx, store.AllowRun, func(s *store.State) { s.Desired = store.ToRun })
}
