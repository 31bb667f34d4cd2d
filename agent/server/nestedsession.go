package server

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// launchSession runs a command in its parent: in its namespaces and limits, with
// its environment and directory. It dies with the call's connection, with all that it
// has started.
func launchSession(x *exchange, in api.Session, out *output) error {
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	e, err := in.Exec()
	if err != nil {
		return err
	}
	switch _, err := x.Containers.Status(x.r.Context(), id); {
	case err == nil:
		return fmt.Errorf("%w: container %s", mctr.ErrExists, id)
	case !errors.Is(err, mctr.ErrNotFound):
		return err
	}
	parent, err := x.Containers.Status(x.r.Context(), id.Parent())
	if err != nil {
		return sessionError(err)
	}
	session, err := x.sessions.begin(id, parent.Created)
	if err != nil {
		return err
	}
	e.Whole = true
	stream, err := x.Containers.Exec(x.r.Context(), id.Parent(), e)
	if err != nil {
		x.sessions.abandon(session)
		return sessionError(err)
	}
	defer stream.Close()
	session.stream.Store(stream)
	end, err := out.copy(stream)
	if end == nil {
		end = &mctr.Termination{
			ExitCode: 128 + 9, Signal: 9, Reason: mctr.ReasonDestroyed, Message: "its connection ended",
			Started: session.began.UTC(), Finished: time.Now().UTC(),
		}
	}
	x.sessions.finish(session, end)
	return err
}

// sessionError is Mesos' answer for a parent that is unknown or does not run.
func sessionError(err error) error {
	if errors.Is(err, mctr.ErrNotFound) || errors.Is(err, mctr.ErrState) {
		return statusError{http.StatusBadRequest, err}
	}
	return err
}
