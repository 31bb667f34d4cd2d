// Package update changes the limits of running containers and groups.
//
// On disk it writes the intent of an update, and the new limits, to a container's state and
// record; in the kernel it changes limits of control groups. An update that was cut off is
// finished by [Updater.Recover] or the next update.
package update

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/cgrouptree"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/spec"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/isolators"
)

// An Updater changes limits of the containers of one store.
type Updater struct {
	Store     *store.Store
	Shims     *shims.Shims
	Isolators []isolators.Isolator
	Groups    *cgrouptree.Tree

	// GroupUsage returns what a root container uses together with all that is nested in it.
	GroupUsage func(ctx context.Context, root mctr.ContainerID) (*mctr.Usage, error)
}

// atUpdateApplied is the failpoint after the shim has applied an update.
const atUpdateApplied = "update/applied"

// Update changes the limits of a running container that change sets: see containerizer's Update.
func (u *Updater) Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error {
	lock, err := u.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := u.finishUpdate(ctx, id); err != nil {
		return err
	}
	r, err := u.updatable(id, change)
	if err != nil {
		return err
	}
	old := r.Config.Resources
	r.Config.Resources = old.With(change)
	if err := u.checkResources(ctx, r.Config, r.Config.Resources); err != nil {
		return err
	}
	wanted, err := u.wantedBy(ctx, r)
	if err != nil {
		return err
	}
	if err := u.apply(ctx, r, wanted); err != nil {
		return errors.Join(err, u.rollBackUpdate(ctx, r, old))
	}
	if err := u.commitUpdate(ctx, r); err != nil {
		return err
	}
	u.Store.Emit(r, mctr.EventUpdate, nil)
	return nil
}

// updatable returns the record of a running container, and an error if change sets a limit that the
// kernel accepts only at a start.
func (u *Updater) updatable(id mctr.ContainerID, change mctr.Resources) (*store.Record, error) {
	r, err := u.Store.Container(id).RecordToChange()
	if err != nil {
		return nil, err
	}
	if phase, err := u.Store.Container(id).Phase(); err != nil || !phase.Alive() {
		return nil, errors.Join(err,
			fmt.Errorf("%w: container %s is %s: only a running one can be updated", mctr.ErrState, id.Short(), phase))
	}
	if change.Memory.DisableOOM || change.Memory.OOMScoreAdj != nil {
		return nil, fmt.Errorf("%w: the OOM settings of a running container cannot be changed", mctr.ErrInvalid)
	}
	return r, nil
}

// checkResources has every isolator check the resources, for a container with this config. The
// isolators see nothing else of the config: what the container uses, such as its host ports, is in use
// on the host, by itself; and what it was made from, such as a directory that it binds, may have
// been removed since.
func (u *Updater) checkResources(ctx context.Context, config *mctr.ContainerConfig, r mctr.Resources) error {
	p := config.Process
	changed := &mctr.ContainerConfig{
		Name: config.Name, Owner: config.Owner, Labels: config.Labels, Annotations: config.Annotations,
		Image:   config.Image,
		Process: mctr.Process{Entrypoint: p.Entrypoint, Args: p.Args, Pause: p.Pause, Init: p.Init}, Resources: r,
	}
	for _, i := range u.Isolators {
		if err := i.Check(ctx, changed); err != nil {
			return fmt.Errorf("%s: %w", i.Name(), err)
		}
	}
	return nil
}

// wantedBy returns the resources that the isolators ask the engine to apply.
func (u *Updater) wantedBy(ctx context.Context, r *store.Record) (*specs.LinuxResources, error) {
	m := spec.NewMerger(&specs.Spec{Linux: &specs.Linux{}})
	for _, i := range u.Isolators {
		wants, err := i.Update(ctx, u.Store.Container(r.ID).Handle(), &r.Config.Resources)
		if err == nil && wants != nil {
			err = m.Add(i.Name(), &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Resources: wants}}})
		}
		if err != nil {
			return nil, &mctr.PhaseError{ID: r.ID, Phase: mctr.Running, Isolator: i.Name(), Op: "update", Err: err}
		}
	}
	return m.Resources(), nil
}

// apply records the intent and has the shim apply the resources.
func (u *Updater) apply(ctx context.Context, r *store.Record, wanted *specs.LinuxResources) error {
	resources := r.Config.Resources
	err := u.Store.Container(r.ID).Change(ctx, store.BeginUpdate, func(s *store.State) { s.Update = &resources })
	if err != nil {
		return err
	}
	if wanted == nil {
		return nil
	}
	err = u.Shims.With(ctx, r.ID, func(client *launcher.Client) error { return client.Update(ctx, wanted) })
	if err != nil {
		return &mctr.PhaseError{ID: r.ID, Phase: mctr.Running, Isolator: "shim", Op: "update", Err: err}
	}
	return failpoint.Hit(atUpdateApplied)
}

// commitUpdate writes the new resources to the container's record, and removes the intent.
func (u *Updater) commitUpdate(ctx context.Context, r *store.Record) error {
	if err := u.Store.Container(r.ID).SetRecord(r); err != nil {
		return err
	}
	return u.endUpdate(ctx, r.ID)
}

// rollBackUpdate restores the limits after an update that failed halfway.
func (u *Updater) rollBackUpdate(ctx context.Context, r *store.Record, old mctr.Resources) error {
	ctx = context.WithoutCancel(ctx)
	r.Config.Resources = old
	wanted, err := u.wantedBy(ctx, r)
	if err == nil {
		err = u.Shims.With(ctx, r.ID, func(client *launcher.Client) error { return client.Update(ctx, wanted) })
	}
	if err != nil && !errors.Is(err, mctr.ErrState) {
		return fmt.Errorf("restore the old limits: %w", err)
	}
	return u.endUpdate(ctx, r.ID)
}

func (u *Updater) endUpdate(ctx context.Context, id mctr.ContainerID) error {
	return u.Store.Container(id).Change(ctx, store.EndUpdate, func(s *store.State) { s.Update = nil })
}

// finishUpdate finishes an update whose process died. The caller holds the container's lock.
func (u *Updater) finishUpdate(ctx context.Context, id mctr.ContainerID) error {
	s, err := u.Store.Container(id).State()
	if err != nil || s.Update == nil {
		return err
	}
	r, err := u.Store.Container(id).RecordToChange()
	if err != nil {
		return err
	}
	r.Config.Resources = *s.Update
	wanted, err := u.wantedBy(ctx, r)
	if err == nil {
		err = u.apply(ctx, r, wanted)
	}
	if err != nil {
		return fmt.Errorf("finish an update that was cut off: %w", err)
	}
	return u.commitUpdate(ctx, r)
}

// Recover finishes an update that was cut off.
func (u *Updater) Recover(ctx context.Context, r *store.Record) error {
	id, limited := r.ID, !r.Config.GroupResources.IsZero()
	if s, err := u.Store.Container(id).State(); err == nil && s.Update == nil && !limited {
		return nil
	}
	lock, err := u.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := u.finishUpdate(ctx, id); err != nil || !limited {
		return err
	}
	if r, err = u.Store.Container(id).Record(); err != nil { // it may have changed before this process had the lock
		return err
	}
	return u.Groups.Limit(id, r.Config.GroupResources) // a group's update may have been cut off after its record
}
