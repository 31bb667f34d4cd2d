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

	// GroupUsage returns what a root container and all that is nested in it consume.
	GroupUsage func(ctx context.Context, root mctr.ContainerID) (*mctr.Usage, error)
}

// atUpdateApplied is the failpoint behind what the shim does for an update.
const atUpdateApplied = "update/applied"

// Update changes the limits of a running container to what change sets; the
// rest stays. A limit that is not valid or cannot be honoured is refused as at a launch, and
// so is a memory limit below what is used (mctr.ErrState). An update that fails
// leaves the old limits; one that was cut off is finished by Recover or by the
// next Update.
func (u *Updater) Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error {
	lock, err := u.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
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

// updatable gives the record of a running container. What the kernel takes only
// at a start cannot be changed.
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

// checkResources has every isolator refuse resources that are not valid or cannot be honoured
// for a container with this config. The isolators are asked about nothing else: what the
// container has acquired, as its host ports, is taken on the host, by itself, and what
// it was made from, as a directory that it binds, may be gone since.
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

// wantedBy asks the isolators what the engine is to apply.
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

// apply records the intent and has the shim do it.
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

// commitUpdate makes the new resources the container's, and takes the intent off.
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

// finishUpdate applies an update whose process died. The caller holds the lock.
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
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := u.finishUpdate(ctx, id); err != nil || !limited {
		return err
	}
	if r, err = u.Store.Container(id).Record(); err != nil { // again: it may have been updated before we had the lock
		return err
	}
	return u.Groups.Limit(id, r.Config.GroupResources) // an update may have been cut off behind its record
}
