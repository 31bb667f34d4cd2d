package ending

import (
	"context"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Kill sends sig to the container's init: see containerizer's Kill.
func (e *Ender) Kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal) error {
	return e.kill(ctx, id, sig, sig == e.Store.Container(id).StopSignal())
}

// kill sends a signal, and resumes a paused container after the signal if the signal is a request
// to exit.
func (e *Ender) kill(ctx context.Context, id mctr.ContainerID, sig unix.Signal, ends bool) error {
	rested, err := e.recordKill(ctx, id, sig)
	if err != nil && !e.Store.Container(id).Damaged() {
		return err
	}
	phase, _ := e.Store.Container(id).Phase() // the shim reports a container that does not exist
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

// recordKill is recordStop for a signal that asks for the exit: SIGKILL, or the container's stop
// signal. It does nothing for a container whose first launch is under way, which may have to wait
// for its image. rested is true if the container was awaiting its restart: there is no process to
// send a signal to.
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

// awaitLaunch waits for a launch that is under way. A process that restarts the container looks for
// the request to stop under the lock: once awaitLaunch has had the lock, the container runs, or that
// process will see the request.
func (e *Ender) awaitLaunch(ctx context.Context, id mctr.ContainerID) error {
	if phase, err := e.Store.Container(id).Phase(); err != nil || phase.Alive() {
		return err
	}
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	lock.Unlock()
	return nil
}
