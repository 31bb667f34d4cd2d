package containerizer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// restart starts a container that this process watched and that has ended again,
// if its policy says so, after a pause that grows. After a restart of the agent
// secrets of the environment are gone, and a container that had some fails as its
// own command will.
func (c *Containerizer) restart(ctx context.Context, id mctr.ContainerID) {
	r, err := c.load(id)
	if err != nil || r.Config.Restart.Never() || c.stopped(id) {
		return
	}
	t, err := c.termination(id)
	if err != nil || t == nil {
		return
	}
	streak := r.Config.Restart.Streak(t, c.streak(id))
	after, again := r.Config.Restart.Next(t, streak)
	if !again {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(after):
	}
	c.setStreak(id, streak+1)
	_, err = c.Start(ctx, id, LaunchOptions{SecretEnv: c.secretsOf(id), Again: true})
	if err != nil && !errors.Is(err, mctr.ErrState) && !errors.Is(err, mctr.ErrNotFound) && ctx.Err() == nil {
		c.log.Error("restart", "container", id, "error", err)
	}
}

// restartMissed starts a container again that ended, or was about to be started
// again, when nobody watched. How many restarts in a row there were is not on disk:
// against a bound all that there were count.
func (c *Containerizer) restartMissed(id mctr.ContainerID) {
	r, err := c.load(id)
	if err != nil || r.Config.Restart.Never() {
		return
	}
	if r.Config.Restart.Max > 0 {
		c.setStreak(id, r.Restarts)
	}
	c.watchers.Go(func() { c.restart(c.ctx, id) })
}

// A supervised container's restarts in a row, and what is not on disk of it.
type supervised struct {
	streak  int
	secrets []string
}

func (c *Containerizer) streak(id mctr.ContainerID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.supervised[id].streak
}

func (c *Containerizer) setStreak(id mctr.ContainerID, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.supervised[id]
	s.streak = n
	c.supervised[id] = s
}

func (c *Containerizer) secretsOf(id mctr.ContainerID) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.supervised[id].secrets
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
// group is none of its: who watches its tasks still has to end it.
func (c *Containerizer) markKilled(id mctr.ContainerID, sig unix.Signal) error {
	r, err := c.load(id)
	if err != nil || r.Config.Restart.Never() || sig != unix.SIGKILL && sig != c.stopSignalOf(id) {
		return err
	}
	return c.markStopped(id)
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
