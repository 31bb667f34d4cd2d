package ending

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
)

// EndGroup ends the group of a task that has exited, if a task failed or all tasks have exited. The
// caller holds no locks. The process that watches the group, or its exit command, releases
// the group.
func (e *Ender) EndGroup(ctx context.Context, id mctr.ContainerID) error {
	group := id.Parent()
	if group == "" {
		return nil
	}
	r, err := e.Store.Container(group).Record()
	if err != nil || len(r.Config.Process.Tasks) == 0 {
		return nil // the parent is not the root of a group, or was removed
	}
	if !e.Store.Container(group).Complete() {
		return nil // the launcher calls EndGroup again
	}
	failed, all := tasksEnded(e.Store, group, r.Config.Process.Tasks)
	switch {
	case e.Store.Container(group).Stopped():
		return nil // the process that stops the group ends it
	case failed != "":
		why := mctr.Limitation{Reason: mctr.ReasonTaskFailed, Message: "its task " + failed + " failed"}
		return e.KillAll(ctx, group, why)
	case all:
		err = e.Shims.With(ctx, group, func(client *launcher.Client) error { return client.Ask(ctx, unix.SIGTERM) })
	}
	if errors.Is(err, mctr.ErrState) || errors.Is(err, mctr.ErrUnavailable) || errors.Is(err, mctr.ErrNotFound) {
		return nil
	}
	return err
}

// tasksEnded returns the name of a task that failed on its own, and whether all have exited.
func tasksEnded(s *store.Store, group mctr.ContainerID, tasks []string) (failed string, all bool) {
	all = true
	for _, name := range tasks {
		phase, err := s.Container(group.Task(name)).Phase()
		if errors.Is(err, mctr.ErrNotFound) {
			continue // it was removed after its exit
		}
		t, ended := s.Container(group.Task(name)).Termination()
		if err != nil || ended != nil || phase != mctr.Exited || t == nil {
			all = false
			continue
		}
		if t.Failed() && t.Reason != mctr.ReasonParentEnded {
			failed = name
		}
	}
	return failed, all
}
