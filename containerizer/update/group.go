package update

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// UpdateGroup changes the limits of a root container together with all that is nested in it: see
// containerizer's UpdateGroup.
func (u *Updater) UpdateGroup(ctx context.Context, root mctr.ContainerID, change mctr.Resources) error {
	lock, err := u.Store.Container(root).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := u.Store.Container(root).Upgrade(ctx); err != nil {
		return err
	}
	r, err := u.updatable(root, change)
	if err != nil {
		return err
	}
	old := r.Config.GroupResources
	r.Config.GroupResources = old.With(change)
	if err := u.CheckGroup(ctx, r); err != nil {
		return err
	}
	if err := u.roomForGroup(ctx, r); err != nil {
		return err
	}
	if err := u.Store.Container(root).SetRecord(r); err != nil { // the intent
		return err
	}
	if err := u.Groups.Limit(root, r.Config.GroupResources); err != nil {
		r.Config.GroupResources = old
		return errors.Join(err, u.Groups.Limit(root, old), u.Store.Container(root).SetRecord(r))
	}
	u.Store.Emit(r, mctr.EventUpdate, map[string]string{"group": "true"})
	return nil
}

// CheckGroup returns an error for group limits that are not valid, that the kernel cannot honour, or
// that the container cannot have.
func (u *Updater) CheckGroup(ctx context.Context, r *store.Record) error {
	g := r.Config.GroupResources
	if g.IsZero() {
		return nil
	}
	m := g.Memory
	switch {
	case r.ID.Parent() != "":
		return fmt.Errorf("%w: limits of a group: container %s is nested: they are its root's", mctr.ErrInvalid, r.ID)
	case !reflect.DeepEqual(g.BlockIO, mctr.BlockIO{}), m.DisableOOM, m.OOMScoreAdj != nil, m.Swappiness != nil:
		return fmt.Errorf(
			"%w: limits of a group: cpu, memory and pids; disks and the OOM killer are each container's own",
			mctr.ErrInvalid)
	}
	if err := u.checkResources(ctx, r.Config, g); err != nil {
		return fmt.Errorf("limits of a group: %w", err)
	}
	return nil
}

// roomForGroup returns an error for a memory limit for which the kernel would kill processes at once.
func (u *Updater) roomForGroup(ctx context.Context, r *store.Record) error {
	limit := r.Config.GroupResources.Memory.Limit
	if limit == nil || *limit < 0 {
		return nil
	}
	used, err := u.GroupUsage(ctx, r.ID)
	if err == nil && used.MemoryBytes > uint64(*limit) {
		err = fmt.Errorf("%w: group_resources.memory.limit %d: group %s uses %d bytes (without file cache)",
			mctr.ErrState, *limit, r.ID.Short(), used.MemoryBytes)
	}
	return err
}
