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

// recheckInterval is how often somebody who is about to start a container again looks
// whether that is still wanted.
const recheckInterval = time.Second

// CleanupAndRestart is Cleanup, and then follows the container's restart policy once:
// it returns when the container runs again, or is not to.
func (c *Containerizer) CleanupAndRestart(ctx context.Context, id mctr.ContainerID) error {
	err := c.Cleanup(ctx, id)
	c.restart(ctx, id, LaunchOptions{Detach: true})
	return err
}

// restart starts a container that has ended again, if its policy says so, after a
// pause that grows. A start that fails is one of the policy's in a row, and followed by
// the next. Each end is followed once: after the next one, of a run that somebody else
// started, that is another's to do. After a restart of the agent secrets of the
// environment are gone, and a container that had some fails as its own command will.
func (c *Containerizer) restart(ctx context.Context, id mctr.ContainerID, o LaunchOptions) {
	end, err := c.handle(id).Termination()
	if _, _, again := c.nextRestart(id, 0); err != nil || end == nil || !again {
		return
	}
	defer c.HoldRestart(ctx, id)() // until it has begun to run: nobody is to take it for one that stays ended
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

// RecordStartFailure records and tells why the policy could not start the container. It is for who
// follows a policy by [LaunchOptions.Again].
func (c *Containerizer) RecordStartFailure(id mctr.ContainerID, why error) {
	err := c.handle(id).Change(c.ctx, store.FailStart, func(s *store.State) { s.StartError = why.Error() })
	if err != nil {
		c.log.Error("record why it did not start", "container", id, "error", err)
	}
	c.handle(id).Emit(mctr.EventNoStart, map[string]string{"error": why.Error()})
}

// nextRestart says whether the policy of a container that has ended, and that nobody stopped,
// starts it again, after so many starts that failed: which start in a row that is, and
// after how long.
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

// awaitsRestart says whether the container still waits for its start after this end: nobody
// stopped or removed it, and it did not run meanwhile. Where somebody is starting it,
// that may fail.
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

// startByPolicy starts a container by its policy. One that somebody stopped, started or
// removed meanwhile is fine as it is.
func (c *Containerizer) startByPolicy(ctx context.Context, id mctr.ContainerID, o LaunchOptions) error {
	o.Again = true
	_, err := c.Start(ctx, id, o)
	if err != nil && c.restartObsolete(id) {
		return nil
	}
	return err
}

// restartObsolete says whether the container does not wait for its start any more. The error
// does not: what is not found may be its image or network.
func (c *Containerizer) restartObsolete(id mctr.ContainerID) bool {
	phase, err := c.handle(id).Phase()
	return errors.Is(err, mctr.ErrNotFound) || c.handle(id).Stopped() ||
		err == nil && (phase.Alive() || phase.Launching())
}

// HoldRestart has [Containerizer.Status] say that the container is to be started again,
// until done is called or this process ends. One that ends without done leaves a mark,
// by which [Containerizer.Reconcile] starts the container.
func (c *Containerizer) HoldRestart(ctx context.Context, id mctr.ContainerID) (done func()) {
	lock, err := flock.Directory(ctx, c.handle(id).Dir())
	if err == nil {
		err = c.handle(id).Change(ctx, store.AwaitRestart, func(s *store.State) { s.Pending = store.Restart })
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		c.log.Warn("say that it is to be started again", "container", id, "error", err)
	}
	return func() {
		// else the mark may be another's; and its owner's next look has to find what was let go here
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

// restartPending says whether somebody is about to start the ended container again.
func (c *Containerizer) restartPending(r *store.Record) bool {
	if r.Config.Restart.Never() {
		return false
	}
	held, err := flock.Held(c.handle(r.ID).Dir())
	return err == nil && held && !c.handle(r.ID).Stopped() // who waits looks for that only now and then
}

// ownedByOther says whether another owner made the container.
func (c *Containerizer) ownedByOther(id mctr.ContainerID) bool {
	r, err := c.handle(id).Record()
	return err == nil && r.Config.Owner != c.owner
}

// restartOrphaned says whether who was to start the ended container again has died before it
// did. One of another owner is that agent's, which starts it when it recovers.
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

// startOrphanedRestart does what who died was about to do.
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

// recordStop says that somebody wants the container not to run.
func (c *Containerizer) recordStop(ctx context.Context, id mctr.ContainerID) error {
	r, err := c.handle(id).Record()
	if err != nil || r.Config.Restart.Never() && len(r.Config.Process.Tasks) == 0 {
		return err
	}
	return c.handle(id).Change(ctx, store.Stop, func(s *store.State) { s.Desired = store.ToStop })
}

// recordKill is markStopped for a signal that is meant as an end. The root of a
// group is none of its: who watches its tasks still has to end it. Nor is one that is
// launched for the first time, which may take as long as its image: it does not run. For
// one that waited to be started again, and then does not run, that was all there is to do.
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
