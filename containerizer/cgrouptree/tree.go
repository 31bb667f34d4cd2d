// Package cgrouptree makes the control groups above the containers' own: the group above all, the
// group of each root container with all that is nested in it, which has its limits, and systemd's
// scopes. Package store names them.
//
// In the kernel: those groups, which hold no process. On disk: STATE/cgroup_parent, by package store.
// All of it survives the process; the groups of a root container are removed with its release, those
// above all by [Tree.RemoveEmpty].
package cgrouptree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/flock"
)

// A Tree is the control groups of the containers of one STATE.
type Tree struct {
	Store *store.Store

	Parent  *string // the group that this process wants above all; nil: the one that STATE records
	Manager string  // of the groups below Parent, cgroup.Systemd or Cgroupfs; "": the one that STATE records
}

// CheckManager returns an error for a manager that this host does not have.
func (t *Tree) CheckManager() error {
	if err := cgroup.CheckManager(t.Manager); err != nil || t.Manager != cgroup.Systemd {
		return err
	}
	return cgroup.CheckSystemd()
}

// wanted returns the parent that this process wants. If it is a slice, systemd is the manager.
func (t *Tree) wanted() (string, error) {
	recorded := t.Store.Parent
	if t.Manager == cgroup.Systemd {
		switch {
		case t.Parent == nil && cgroup.IsSlice(recorded):
			return recorded, nil
		case t.Parent == nil || *t.Parent == "":
			return cgroup.DefaultSlice, nil
		}
		return cgroup.Slice(*t.Parent)
	}
	switch {
	case t.Parent != nil:
		return *t.Parent, cgroup.CheckParent(*t.Parent)
	case t.Manager == cgroup.Cgroupfs && cgroup.IsSlice(recorded):
		return "", nil
	}
	return recorded, nil
}

// SetUp uses the parent that STATE records, or records the one that this process wants. The error
// wraps mctr.ErrState if containers are below another parent.
func (t *Tree) SetUp(ctx context.Context) (err error) {
	s := t.Store
	if s.Parent, err = s.RecordedParent(); err != nil {
		return err
	}
	wanted, err := t.wanted()
	if err != nil || wanted == s.Parent {
		return err
	}
	lock, err := flock.Exclusive(ctx, s.SetupLock())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	entries, err := os.ReadDir(s.Running())
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %d containers are below %q, not below %q: end them first", mctr.ErrState, len(entries),
			"/"+s.Parent, "/"+wanted)
	}
	if err := t.RemoveEmpty(); err != nil {
		return err
	}
	return s.SetParent(wanted)
}

// Lock keeps the groups above all containers from being removed while the groups of a container are
// made in them: neither an engine nor a shim that joins a group expects it to vanish.
func (t *Tree) Lock(ctx context.Context) (*flock.Lock, error) {
	return flock.Shared(ctx, t.Store.GroupsLock())
}

// RemoveEmpty removes the groups above all containers if they are empty, unless a process is about to
// make groups in them. Systemd removes scopes.
func (t *Tree) RemoveEmpty() error {
	if t.Store.Scoped() {
		return nil
	}
	lock, err := flock.TryExclusive(t.Store.GroupsLock())
	if errors.Is(err, flock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return errors.Join(cgroup.RemoveEmpty(t.Store.CgroupPrefix()),
		cgroup.RemoveEmpty(t.Store.Container("").ShimCgroup()))
}

// Scope is what the container's shim is to enter: a scope of its own for a root container,
// that of its root for a nested one. nil: systemd makes none here.
func (t *Tree) Scope(r *store.Record) *wire.Scope {
	if !t.Store.Scoped() {
		return nil
	}
	c := t.Store.Container(r.ID)
	s := &wire.Scope{Group: c.ShimCgroup()}
	if r.ID.Parent() == "" {
		s.Unit, s.Slice = c.Scope(), filepath.Base(t.Store.Parent)
		s.Description = "mctr container " + cmp.Or(r.Config.Name, r.ID.Short())
	}
	return s
}
