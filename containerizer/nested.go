package containerizer

import (
	"context"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/proc"
)

// inParent finds the parent of a nested container, and keeps the parent from being released
// until the launch is over. It takes the parent's lock before the container's own, in the same
// order as Destroy, which takes both.
func (l *launch) inParent(ctx context.Context) error {
	id := l.record.ID.Parent()
	if id == "" {
		return nil
	}
	var err error
	if _, err = l.store.Container(id).Record(); err != nil { // or a lock file would be made for an unknown id
		return l.failed(mctr.Provisioning, "containerizer", "find its parent", err)
	}
	if l.parentLock, err = l.store.Container(id).LockShared(ctx); err != nil {
		return err
	}
	if l.parent, err = findParent(l.store, id); err != nil {
		l.leaveParent()
	}
	return l.failed(mctr.Provisioning, "containerizer", "find its parent", err)
}

func findParent(s *store.Store, id mctr.ContainerID) (*mctr.Parent, error) {
	c := s.Container(id)
	r, err := c.Record()
	if err != nil {
		return nil, err
	}
	phase, err := c.Phase()
	if err != nil {
		return nil, err
	}
	created := c.Created()
	if phase != mctr.Running || created == nil {
		return nil, fmt.Errorf("%w: container %s is %s: only a running one can have nested ones", mctr.ErrState,
			id.Short(), phase)
	}
	return &mctr.Parent{ID: id, Config: r.Config, Pid: created.Pid, Sandbox: c.Sandbox()}, nil
}

// stillInParent returns an error unless the pid by which the parent's namespaces were found was
// the parent's all the time. A process that is exiting, or that has exited and was not waited
// for, has left its namespaces.
func (l *launch) stillInParent() error {
	if l.parent == nil {
		return nil
	}
	created := l.store.Container(l.parent.ID).Created()
	if created == nil || !proc.Is(l.parent.Pid, created.StartTime) || proc.Ending(l.parent.Pid) {
		return fmt.Errorf("%w: its parent %s has ended", mctr.ErrState, l.parent.ID.Short())
	}
	return nil
}

// withParentsEnd adds to an error that the parent has exited, if that is the cause.
func (l *launch) withParentsEnd(err error) error {
	if gone := l.stillInParent(); gone != nil {
		return fmt.Errorf("%w: %w", gone, err)
	}
	return err
}

func (l *launch) leaveParent() {
	if l.parentLock != nil {
		l.parentLock.Unlock()
		l.parentLock = nil
	}
}

// parentProcess returns the process that the shim is to watch: the container does not outlive it.
func (l *launch) parentProcess() *wire.Parent {
	if l.parent == nil {
		return nil
	}
	created := l.store.Container(l.parent.ID).Created()
	if created == nil {
		return &wire.Parent{ID: l.parent.ID} // the parent has exited, as the shim will find
	}
	return &wire.Parent{ID: l.parent.ID, Pid: created.Pid, StartTime: created.StartTime}
}

// checkNesting returns an error if a root container's config has what only a nested container can have.
func checkNesting(id mctr.ContainerID, config *mctr.ContainerConfig) error {
	if id.Parent() != "" {
		if config.Remove {
			return fmt.Errorf("%w: config.remove: a nested container's end stays readable until its root is gone",
				mctr.ErrInvalid)
		}
		return nil
	}
	ns := config.Namespaces
	if slices.Contains([]string{ns.PID, ns.IPC, ns.UTS, config.Network}, "parent") {
		return fmt.Errorf("%w: a namespace of the parent: container %s is not nested", mctr.ErrInvalid, id.Short())
	}
	return nil
}

// Children lists the containers that are nested in id directly.
func (c *Containerizer) Children(id mctr.ContainerID) ([]mctr.ContainerID, error) {
	return c.store.Children(id)
}
