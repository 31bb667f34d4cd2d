package containerizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/proc"
)

// Destroy ends the container and everything in it at once, nested ones first, releases what it
// held, and returns how it ended. A launch under way in this process is ended
// too. It is idempotent; concurrent calls get the same answer. The records stay:
// see Remove.
func (c *Containerizer) Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return c.destroy(ctx, id, mctr.Limitation{Reason: mctr.ReasonDestroyed, Message: "destroyed on request"})
}

// destroy ends a container, what is nested in it first, for this reason.
func (c *Containerizer) destroy(ctx context.Context, id mctr.ContainerID,
	why mctr.Limitation) (*mctr.Termination, error) {
	c.mu.Lock()
	cancel := c.launches[id]
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if phase, err := c.handle(id).Phase(); err == nil && phase == mctr.Created {
		return nil, fmt.Errorf("%w: container %s was never started", mctr.ErrState, id.Short())
	}
	if _, err := c.launched(ctx, id); err != nil {
		return nil, err
	}
	if err := c.endChildren(ctx, id); err != nil {
		return nil, err
	}
	if err := c.killAll(ctx, id, why); err != nil {
		return nil, err
	}
	t, err := c.waitKilled(ctx, id)
	if err != nil {
		return nil, err
	}
	return t, c.Cleanup(ctx, id)
}

// waitKilled waits for the end of a container whose processes were killed. One in
// uninterruptible sleep, on a disk or network filesystem that does not answer, does
// not die before that is over; nor does init before those in its pid namespace have
// been waited for, by who entered it from outside too. Who is it, and what it waits
// for, is the error.
func (c *Containerizer) waitKilled(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	bounded, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	t, err := c.Wait(bounded, id)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return t, err
	}
	stuck := c.describeStuck(id)
	if len(stuck) == 0 {
		return c.Wait(ctx, id) // it has ended, and its release takes long: isolators have their own time
	}
	return nil, fmt.Errorf("%w: container %s was killed, and its processes have not ended after %v: %s",
		mctr.ErrUnavailable, id.Short(), killTime, strings.Join(stuck, "; "))
}

// describeStuck describes the processes of a killed container. The control group does not
// show an init that is on its way out.
func (c *Containerizer) describeStuck(id mctr.ContainerID) (list []string) {
	pids, _ := cgroup.Pids(c.handle(id).Cgroup())
	if init := c.handle(id).Created(); len(pids) == 0 && init != nil && proc.Is(init.Pid, init.StartTime) {
		pids = []int{init.Pid}
	}
	for _, pid := range pids {
		list = append(list, proc.Describe(pid))
	}
	return list
}

// killAll asks the shim to kill everything. A container that has ended, or whose
// shim is lost, needs no asking; a shim that lives and does not answer is ended too.
func (c *Containerizer) killAll(ctx context.Context, id mctr.ContainerID, why mctr.Limitation) error {
	err := c.withShim(ctx, id, func(client *launcher.Client) error { return client.Destroy(ctx, why) })
	switch {
	case errors.Is(err, mctr.ErrState):
		return nil
	case errors.Is(err, mctr.ErrUnavailable) && ctx.Err() == nil:
		return c.endWithoutShim(ctx, id, why)
	}
	return err
}

// endWithoutShim ends a container and its shim, which does not answer.
func (c *Containerizer) endWithoutShim(ctx context.Context, id mctr.ContainerID, why mctr.Limitation) error {
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := c.killShim(id); err != nil {
		return err
	}
	phase, err := c.handle(id).Phase()
	if err == nil && (phase == mctr.Lost || phase == mctr.Damaged) {
		return c.recordUnseen(id, why)
	}
	return nil // it had ended before
}

// Stop asks the container to end by its stop signal, and destroys it if it has
// not after timeout. What is nested in it is asked first, all at once, each by its
// own signal. One that is paused goes on behind its signal.
func (c *Containerizer) Stop(ctx context.Context, id mctr.ContainerID, sig unix.Signal,
	timeout time.Duration) (*mctr.Termination, error) {
	if err := c.recordStop(ctx, id); err != nil && !c.damaged(id) {
		return nil, err
	}
	if err := c.stopChildren(ctx, id, timeout); err != nil {
		return nil, err
	}
	if err := c.kill(ctx, id, sig, true); err != nil && !errors.Is(err, mctr.ErrState) &&
		!errors.Is(err, mctr.ErrUnavailable) {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t, err := c.Wait(bounded, id)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return t, err
	}
	return c.Destroy(ctx, id)
}

// Remove removes an ended container with its log and files. With force a running
// one is destroyed first, and started by nobody's policy again; otherwise the error
// wraps mctr.ErrState. An error says what stays, and a second call tries again.
func (c *Containerizer) Remove(ctx context.Context, id mctr.ContainerID, force bool) error {
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("remove container %s: %w", id.Short(), context.Cause(ctx))
		}
		phase, err := c.handle(id).Phase()
		if err != nil {
			return err
		}
		if force {
			err = c.endToRemove(ctx, id, phase)
		} else if phase.Launching() || c.mayRun(id, phase) {
			err = stillRuns(id, phase)
		}
		if err != nil {
			return err
		}
		if removed, err := c.removeEnded(ctx, id); removed || err != nil {
			return err
		}
	}
}

// removeEnded removes the container, unless somebody started it meanwhile.
func (c *Containerizer) removeEnded(ctx context.Context, id mctr.ContainerID) (removed bool, err error) {
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return false, err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	phase, err := c.handle(id).Phase()
	if err == nil && c.mayRun(id, phase) {
		return false, nil
	}
	return true, c.purge(ctx, id)
}

// mayRun reports whether a container in this phase runs, as far as can be known.
func (c *Containerizer) mayRun(id mctr.ContainerID, phase mctr.Phase) bool {
	if phase != mctr.Damaged {
		return phase.Alive()
	}
	supervised, err := c.handle(id).Supervised()
	return supervised || err != nil
}

// damaged reports whether the container's records do not tell what it is.
func (c *Containerizer) damaged(id mctr.ContainerID) bool {
	_, unreadable := c.handle(id).Record()
	phase, err := c.handle(id).Phase()
	return err == nil && (unreadable != nil || phase == mctr.Damaged)
}

func stillRuns(id mctr.ContainerID, phase mctr.Phase) error {
	return fmt.Errorf("%w: container %s is %s: stop it first, or remove it by force", mctr.ErrState, id.Short(), phase)
}

// endToRemove ends a container that runs or is about to, by its policy too.
func (c *Containerizer) endToRemove(ctx context.Context, id mctr.ContainerID, phase mctr.Phase) error {
	_ = c.recordStop(ctx, id) // where the disk is full, it is ended again
	if !phase.Launching() && !phase.Alive() && phase != mctr.Damaged {
		return nil
	}
	phase, err := c.launched(ctx, id)
	if errors.Is(err, store.ErrDamaged) {
		return nil // it cannot be said where its launch is to be taken back to: it is removed all the same
	}
	if err == nil && (phase.Alive() || phase == mctr.Damaged) {
		_, err = c.Destroy(ctx, id)
	}
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // its launch failed, or it removed itself
	}
	return err
}

// launched is the container's phase once no launch of it is under way: it waits
// for the launcher, and undoes the work of a dead one.
func (c *Containerizer) launched(ctx context.Context, id mctr.ContainerID) (mctr.Phase, error) {
	for {
		phase, err := c.handle(id).Phase()
		if err != nil || !phase.Launching() {
			return phase, err
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("wait for the launch of container %s: %w", id.Short(), context.Cause(ctx))
		}
		if err := c.Cleanup(ctx, id); err != nil {
			return "", err
		}
	}
}
