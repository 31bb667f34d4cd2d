package ending

import (
	"context"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Kill sends sig to the container's init. SIGKILL and the container's stop signal
// say that it is to stay exited, whatever its restart policy, until it is started on
// request; one whose launch is under way gets them when it runs, and for one that waits to
// be started again that is all. The error wraps mctr.ErrState when it neither runs
// nor does that. A paused container gets a signal when it is resumed; its stop signal
// resumes it.
func (e *Ender) Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error {
	return e.kill(ctx, id, sig, sig == e.Store.Container(id).StopSignal())
}

// kill is Kill by a signal that may be meant as the request to end. A paused container
// goes on behind that, to hear it.
func (e *Ender) kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal, ends bool) error {
	rested, err := e.recordKill(ctx, id, sig)
	if err != nil && !e.Store.Container(id).Damaged() {
		return err
	}
	phase, _ := e.Store.Container(id).Phase() // of one that is gone the shim tells
	err = e.Shims.With(ctx, id, func(client *launcher.Client) error {
		if ends {
			return client.Ask(ctx, sig)
		}
		return client.Signal(ctx, sig, false)
	})
	if rested && errors.Is(err, mctr.ErrState) {
		return nil
	}
	if err != nil {
		return err
	}
	e.Store.Container(id).Emit(mctr.EventKill, map[string]string{"signal": strconv.Itoa(int(sig))})
	if ends && phase == mctr.Paused {
		e.Store.Container(id).Emit(mctr.EventUnpause, nil)
	}
	return nil
}

// recordKill is recordStop for a signal that asks for the exit: SIGKILL, or the container's
// stop signal. It does nothing for a container that is launched for the first time, which does
// not run yet and may take as long as its image takes to come. rested is true if the container
// was waiting for its restart: then it has nothing to be killed.
func (e *Ender) recordKill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) (rested bool, err error) {
	r, err := e.Store.Container(id).Record()
	if err != nil || r.Config.Restart.Never() || sig != unix.SIGKILL && sig != e.Store.Container(id).StopSignal() {
		return false, err
	}
	if phase, err := e.Store.Container(id).Phase(); err != nil ||
		phase.Launching() && !e.Store.Container(id).Revived() {
		return false, err
	}
	rested = e.Supervisor.RestartPending(r)
	if err := e.Store.Container(id).RecordStop(ctx); err != nil {
		return false, err
	}
	return rested, e.awaitLaunch(ctx, id)
}

// awaitLaunch waits for a launch that is under way. Who starts the container by its
// policy looks for the mark under the lock: once that was free, the container runs, or
// the mark will be seen.
func (e *Ender) awaitLaunch(ctx context.Context, id mctr.ContainerID) error {
	if phase, err := e.Store.Container(id).Phase(); err != nil || phase.Alive() {
		return err
	}
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	return lock.Unlock()
}
