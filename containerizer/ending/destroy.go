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

// Destroy kills the container and everything nested in it, and releases what it held: see
// containerizer's Destroy.
func (e *Ender) Destroy(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	return e.destroy(ctx, id, mctr.Limitation{Reason: mctr.ReasonDestroyed, Message: "destroyed on request"})
}

// destroy kills a container, after what is nested in it, for this reason.
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
// uninterruptible sleep, on a disk or network filesystem that does not answer, dies only after that
// sleep. Init exits only after each process in its pid namespace was waited for, including processes
// that entered the namespace from outside. An isolator may be able to end that sleep. The error names the
// processes that are left, and what each waits for.
func (e *Ender) waitKilled(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	t, err := e.waitBounded(ctx, id)
	if !errors.Is(err, errStuck) {
		return t, err
	}
	if asleep := e.Releaser.Wake(ctx, id); asleep != nil {
		return nil, errors.Join(err, asleep)
	}
	return e.waitBounded(ctx, id)
}

// errStuck is wrapped if processes of a killed container have not ended in time.
var errStuck = fmt.Errorf("%w: processes have not ended", mctr.ErrUnavailable)

func (e *Ender) waitBounded(ctx context.Context, id mctr.ContainerID) (*mctr.Termination, error) {
	bounded, cancel := context.WithTimeout(ctx, shims.KillTime)
	defer cancel()
	t, err := e.Wait(bounded, id)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return t, err
	}
	stuck := describeStuck(e.Store.Container(id))
	if len(stuck) == 0 {
		return e.Wait(ctx, id) // the container has exited; its isolators have deadlines of their own
	}
	return nil, fmt.Errorf("%w: container %s was killed, and its processes have not ended after %v: %s",
		errStuck, id.Short(), shims.KillTime, strings.Join(stuck, "; "))
}

// describeStuck describes the processes of a killed container. It looks at init separately, because
// an init that is exiting is not in the control group.
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

// KillAll asks the shim to kill every process of the container. It returns nil if the container has
// exited or its shim is lost, and kills a shim that lives and does not answer.
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

// endWithoutShim kills a container and its shim, which does not answer.
func (e *Ender) endWithoutShim(ctx context.Context, id mctr.ContainerID, why mctr.Limitation) error {
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := e.Shims.Kill(id); err != nil {
		return err
	}
	phase, err := e.Store.Container(id).Phase()
	if err == nil && (phase == mctr.Lost || phase == mctr.Damaged) {
		return e.Releaser.RecordUnseen(id, why)
	}
	return nil // the container had exited
}
