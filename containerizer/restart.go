package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// lookAgain is how often somebody who is about to start a container again looks
// whether that is still wanted.
const lookAgain = time.Second

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
	end, err := c.termination(id)
	if _, _, again := c.due(id, 0); err != nil || end == nil || !again {
		return
	}
	defer c.Resting(ctx, id)() // until it has begun to run: nobody is to take it for one that stays ended
	for failed := 0; c.waits(id, end.Finished); failed++ {
		streak, after, again := c.due(id, failed)
		if !again || !c.rests(ctx, id, end.Finished, after) {
			return
		}
		o.streak = streak
		err := c.startAgain(ctx, id, o)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.log.Error("restart", "container", id, "error", err)
		c.NoStart(id, err)
	}
}

// NoStart records and tells why the policy could not start the container. It is for who
// follows a policy by [LaunchOptions.Again].
func (c *Containerizer) NoStart(id mctr.ContainerID, why error) {
	if err := os.WriteFile(c.paths.startError(id), []byte(why.Error()), 0o600); err != nil {
		c.log.Error("record why it did not start", "container", id, "error", err)
	}
	c.tellOf(id, mctr.EventNoStart, map[string]string{"error": why.Error()})
}

// due says whether the policy of a container that has ended, and that nobody stopped,
// starts it again, after so many starts that failed: which start in a row that is, and
// after how long.
func (c *Containerizer) due(id mctr.ContainerID, failed int) (streak int, after time.Duration, again bool) {
	r, err := c.load(id)
	if err != nil || r.Config.Restart.Never() || c.stopped(id) {
		return 0, 0, false
	}
	t, err := c.termination(id)
	if err != nil || t == nil {
		return 0, 0, false
	}
	streak = max(r.Config.Restart.Streak(t, r.Streak), failed)
	after, again = r.Config.Restart.Next(t, streak)
	return streak + 1, after, again
}

// waits says whether the container still waits for its start after this end: nobody
// stopped or removed it, and it did not run meanwhile. Where somebody is starting it,
// that may fail.
func (c *Containerizer) waits(id mctr.ContainerID, end time.Time) bool {
	phase, err := c.phase(id)
	switch {
	case err != nil || c.stopped(id) || alive(phase):
		return false
	case phase != mctr.Exited:
		return true
	}
	t, err := c.termination(id)
	return err == nil && (t == nil || t.Finished.Equal(end))
}

// startAgain starts a container by its policy. One that somebody stopped, started or
// removed meanwhile is fine as it is.
func (c *Containerizer) startAgain(ctx context.Context, id mctr.ContainerID, o LaunchOptions) error {
	o.Again = true
	_, err := c.Start(ctx, id, o)
	if err != nil && c.handled(id) {
		return nil
	}
	return err
}

// handled says whether the container does not wait for its start any more. The error
// does not: what is not found may be its image or network.
func (c *Containerizer) handled(id mctr.ContainerID) bool {
	phase, err := c.phase(id)
	return errors.Is(err, mctr.ErrNotFound) || c.stopped(id) || err == nil && (alive(phase) || phase.Launching())
}

// Resting has [Containerizer.Status] say that the container is to be started again,
// until done is called or this process ends. One that ends without done leaves a mark,
// by which [Containerizer.Reconcile] starts the container.
func (c *Containerizer) Resting(ctx context.Context, id mctr.ContainerID) (done func()) {
	lock, err := flock.Directory(ctx, c.paths.dir(id))
	if err == nil {
		err = c.markAgain(ctx, id)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		c.log.Warn("say that it is to be started again", "container", id, "error", err)
	}
	return func() {
		// else the mark may be another's; and its owner's next look has to find what was let go here
		if lock != nil && !(ctx.Err() != nil && c.foreign(id)) {
			_ = os.Remove(c.paths.again(id)) // it may be gone, with the container
		}
		_ = lock.Unlock() // closing a directory cannot fail usefully
	}
}

// markAgain leaves the mark under the container's lock: nobody is halfway through the
// removal of the directory then.
func (c *Containerizer) markAgain(ctx context.Context, id mctr.ContainerID) error {
	lock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(c.paths.again(id), nil, 0o600), lock.Unlock())
}

// isResting says whether somebody is about to start the ended container again.
func (c *Containerizer) isResting(r *record) bool {
	if r.Config.Restart.Never() {
		return false
	}
	held, err := flock.Held(c.paths.dir(r.ID))
	return err == nil && held && !c.stopped(r.ID) // who waits looks for that only now and then
}

// foreign says whether another owner made the container.
func (c *Containerizer) foreign(id mctr.ContainerID) bool {
	r, err := c.load(id)
	return err == nil && r.Config.Owner != c.owner
}

// forsaken says whether who was to start the ended container again has died before it
// did. One of another owner is that agent's, which starts it when it recovers.
func (c *Containerizer) forsaken(id mctr.ContainerID) bool {
	r, err := c.load(id)
	if err != nil || r.Config.Owner != c.owner || c.stopped(id) {
		return false
	}
	marked := func() bool { _, err := os.Lstat(c.paths.again(id)); return err == nil }
	return marked() && !c.isResting(r) && marked() // still: it was not let go in good order meanwhile
}

// startForsaken does what who died was about to do.
func (c *Containerizer) startForsaken(ctx context.Context, id mctr.ContainerID) error {
	streak, _, again := c.due(id, 0)
	if !again || !c.forsaken(id) {
		return nil
	}
	o := LaunchOptions{Detach: len(c.commands.Restart) > 0, streak: streak} // a restart command goes on from there
	if err := c.startAgain(ctx, id, o); err != nil {
		return fmt.Errorf("start container %s again: %w", id.Short(), err)
	}
	return nil
}

// rests says, after a while, whether the container still waits for its start.
func (c *Containerizer) rests(ctx context.Context, id mctr.ContainerID, end time.Time, while time.Duration) bool {
	for left := while; left > 0; left -= lookAgain {
		if !c.waits(id, end) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(left, lookAgain)):
		}
	}
	return c.waits(id, end)
}

// restartMissed starts a container again that ended, or was about to be started
// again, when nobody watched.
func (c *Containerizer) restartMissed(id mctr.ContainerID) {
	c.watchers.Go(func() { c.restart(c.ctx, id, LaunchOptions{}) })
}

// markStopped says that somebody wants the container not to run.
func (c *Containerizer) markStopped(id mctr.ContainerID) error {
	r, err := c.load(id)
	if err != nil || r.Config.Restart.Never() && len(r.Config.Process.Tasks) == 0 {
		return err
	}
	return os.WriteFile(c.paths.stopped(id), nil, 0o600)
}

// markKilled is markStopped for a signal that is meant as an end. The root of a
// group is none of its: who watches its tasks still has to end it. Nor is one that is
// launched for the first time, which may take as long as its image: it does not run. For
// one that waited to be started again, and then does not run, that was all there is to do.
func (c *Containerizer) markKilled(ctx context.Context, id mctr.ContainerID, sig unix.Signal) (rested bool, err error) {
	r, err := c.load(id)
	if err != nil || r.Config.Restart.Never() || sig != unix.SIGKILL && sig != c.stopSignalOf(id) {
		return false, err
	}
	if phase, err := c.phase(id); err != nil || phase.Launching() && !c.hasEnded(id) {
		return false, err
	}
	rested = c.isResting(r)
	if err := c.markStopped(id); err != nil {
		return false, err
	}
	return rested, c.awaitLaunch(ctx, id)
}

// awaitLaunch waits for a launch that is under way. Who starts the container by its
// policy looks for the mark under the lock: once that was free, the container runs, or
// the mark will be seen.
func (c *Containerizer) awaitLaunch(ctx context.Context, id mctr.ContainerID) error {
	if phase, err := c.phase(id); err != nil || alive(phase) {
		return err
	}
	lock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	return lock.Unlock()
}

func (c *Containerizer) stopped(id mctr.ContainerID) bool {
	_, err := os.Lstat(c.paths.stopped(id))
	return err == nil
}

func (c *Containerizer) unmarkStopped(id mctr.ContainerID) error {
	if err := os.Remove(c.paths.stopped(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
