package ending

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/proc"
)

// Destroy ends the container and everything in it at once, nested ones first, releases what it
// held, and returns how it ended. A launch under way in this process is ended
// too. It is idempotent; concurrent calls get the same answer. The records stay:
// see Remove.
func (e *Ender) Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return e.destroy(ctx, id, mctr.Limitation{Reason: mctr.ReasonDestroyed, Message: "destroyed on request"})
}

// destroy ends a container, what is nested in it first, for this reason.
func (e *Ender) destroy(ctx context.Context, id mctr.ContainerID,
	why mctr.Limitation) (*mctr.Termination, error) {
	e.CancelLaunch(id)
	if phase, err := e.Store.Container(id).Phase(); err == nil && phase == mctr.Created {
		return nil, fmt.Errorf("%w: container %s was never started", mctr.ErrState, id.Short())
	}
	if _, err := e.launched(ctx, id); err != nil {
		return nil, err
	}
	if err := e.EndChildren(ctx, id); err != nil {
		return nil, err
	}
	if err := e.KillAll(ctx, id, why); err != nil {
		return nil, err
	}
	t, err := e.waitKilled(ctx, id)
	if err != nil {
		return nil, err
	}
	return t, e.Cleanup(ctx, id)
}

// waitKilled waits for the exit of a container whose processes were killed. A process in
// uninterruptible sleep, on a disk or network filesystem that does not answer, does not die
// before that is over. Nor does init before each process in its pid namespace has been waited
// for, those too that entered it from outside. The error names the processes that have not
// ended, and what each waits for.
func (e *Ender) waitKilled(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	bounded, cancel := context.WithTimeout(ctx, shims.KillTime)
	defer cancel()
	t, err := e.Wait(bounded, id)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return t, err
	}
	stuck := describeStuck(e.Store.Container(id))
	if len(stuck) == 0 {
		return e.Wait(ctx, id) // it has ended, and its release takes long: isolators have their own time
	}
	return nil, fmt.Errorf("%w: container %s was killed, and its processes have not ended after %v: %s",
		mctr.ErrUnavailable, id.Short(), shims.KillTime, strings.Join(stuck, "; "))
}

// describeStuck describes the processes of a killed container. The control group does not
// show an init that is on its way out.
func describeStuck(c *store.Container) (list []string) {
	pids, _ := cgroup.Pids(c.Cgroup())
	if init := c.Created(); len(pids) == 0 && init != nil && proc.Is(init.Pid, init.StartTime) {
		pids = []int{init.Pid}
	}
	for _, pid := range pids {
		list = append(list, proc.Describe(pid))
	}
	return list
}

// KillAll asks the shim to kill everything. A container that has ended, or whose
// shim is lost, needs no asking; a shim that lives and does not answer is ended too.
func (e *Ender) KillAll(ctx context.Context, id mctr.ContainerID, why mctr.Limitation) error {
	err := e.Shims.With(ctx, id, func(client *launcher.Client) error { return client.Destroy(ctx, why) })
	switch {
	case errors.Is(err, mctr.ErrState):
		return nil
	case errors.Is(err, mctr.ErrUnavailable) && ctx.Err() == nil:
		return e.endWithoutShim(ctx, id, why)
	}
	return err
}

// endWithoutShim ends a container and its shim, which does not answer.
func (e *Ender) endWithoutShim(ctx context.Context, id mctr.ContainerID, why mctr.Limitation) error {
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := e.Shims.Kill(id); err != nil {
		return err
	}
	phase, err := e.Store.Container(id).Phase()
	if err == nil && (phase == mctr.Lost || phase == mctr.Damaged) {
		return e.Releaser.RecordUnseen(id, why)
	}
	return nil // it had ended before
}
