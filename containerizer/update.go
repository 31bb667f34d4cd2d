package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/spec"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/failpoint"
)

// atUpdateApplied is the failpoint behind what the shim does for an update.
const atUpdateApplied = "update/applied"

// Update changes the limits of a running container to what change sets; the
// rest stays. What cannot be meant or honoured is refused as at a launch, and
// so is a memory limit below what is used (mctr.ErrState). An update that fails
// leaves the old limits; one that was cut off is finished by Recover or by the
// next Update.
func (c *Containerizer) Update(ctx context.Context, id mctr.ContainerID, change mctr.Resources) error {
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := c.finishUpdate(ctx, id); err != nil {
		return err
	}
	r, err := c.updatable(id, change)
	if err != nil {
		return err
	}
	old := r.Config.Resources
	r.Config.Resources = old.With(change)
	if err := c.checkResources(ctx, r.Config, r.Config.Resources); err != nil {
		return err
	}
	wanted, err := c.wantedBy(ctx, r)
	if err != nil {
		return err
	}
	if err := c.apply(ctx, r, wanted); err != nil {
		return errors.Join(err, c.rollBackUpdate(ctx, r, old))
	}
	if err := c.commitUpdate(ctx, r); err != nil {
		return err
	}
	c.store.Emit(r, mctr.EventUpdate, nil)
	return nil
}

// updatable gives the record of a running container. What the kernel takes only
// at a start cannot be changed.
func (c *Containerizer) updatable(id mctr.ContainerID, change mctr.Resources) (*store.Record, error) {
	r, err := c.handle(id).RecordToChange()
	if err != nil {
		return nil, err
	}
	if phase, err := c.handle(id).Phase(); err != nil || !phase.Alive() {
		return nil, errors.Join(err,
			fmt.Errorf("%w: container %s is %s: only a running one can be updated", mctr.ErrState, id.Short(), phase))
	}
	if change.Memory.DisableOOM || change.Memory.OOMScoreAdj != nil {
		return nil, fmt.Errorf("%w: the OOM settings of a running container cannot be changed", mctr.ErrInvalid)
	}
	return r, nil
}

// checkResources has every isolator refuse resources that cannot be meant or honoured
// for a container with this config. The isolators are asked about nothing else: what the
// container has acquired, as its host ports, is taken on the host, by itself, and what
// it was made from, as a directory that it binds, may be gone since.
func (c *Containerizer) checkResources(ctx context.Context, config *mctr.ContainerConfig, r mctr.Resources) error {
	p := config.Process
	changed := &mctr.ContainerConfig{
		Name: config.Name, Owner: config.Owner, Labels: config.Labels, Annotations: config.Annotations,
		Image:   config.Image,
		Process: mctr.Process{Entrypoint: p.Entrypoint, Args: p.Args, Pause: p.Pause, Init: p.Init}, Resources: r,
	}
	for _, i := range c.isolators {
		if err := i.Check(ctx, changed); err != nil {
			return fmt.Errorf("%s: %w", i.Name(), err)
		}
	}
	return nil
}

// wantedBy asks the isolators what the engine is to apply.
func (c *Containerizer) wantedBy(ctx context.Context, r *store.Record) (*specs.LinuxResources, error) {
	m := spec.NewMerger(&specs.Spec{Linux: &specs.Linux{}})
	for _, i := range c.isolators {
		wants, err := i.Update(ctx, c.handleOf(r.ID), &r.Config.Resources)
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
func (c *Containerizer) apply(ctx context.Context, r *store.Record, wanted *specs.LinuxResources) error {
	resources := r.Config.Resources
	err := c.handle(r.ID).Change(ctx, store.BeginUpdate, func(s *store.State) { s.Update = &resources })
	if err != nil {
		return err
	}
	if wanted == nil {
		return nil
	}
	err = c.withShim(ctx, r.ID, func(client *launcher.Client) error { return client.Update(ctx, wanted) })
	if err != nil {
		return &mctr.PhaseError{ID: r.ID, Phase: mctr.Running, Isolator: "shim", Op: "update", Err: err}
	}
	return failpoint.Hit(atUpdateApplied)
}

// commitUpdate makes the new resources the container's, and takes the intent off.
func (c *Containerizer) commitUpdate(ctx context.Context, r *store.Record) error {
	if err := c.handle(r.ID).SetRecord(r); err != nil {
		return err
	}
	return c.endUpdate(ctx, r.ID)
}

// rollBackUpdate restores the limits after an update that failed halfway.
func (c *Containerizer) rollBackUpdate(ctx context.Context, r *store.Record, old mctr.Resources) error {
	ctx = context.WithoutCancel(ctx)
	r.Config.Resources = old
	wanted, err := c.wantedBy(ctx, r)
	if err == nil {
		err = c.withShim(ctx, r.ID, func(client *launcher.Client) error { return client.Update(ctx, wanted) })
	}
	if err != nil && !errors.Is(err, mctr.ErrState) {
		return fmt.Errorf("restore the old limits: %w", err)
	}
	return c.endUpdate(ctx, r.ID)
}

func (c *Containerizer) endUpdate(ctx context.Context, id mctr.ContainerID) error {
	return c.handle(id).Change(ctx, store.EndUpdate, func(s *store.State) { s.Update = nil })
}

// finishUpdate applies an update whose process died. The caller holds the lock.
func (c *Containerizer) finishUpdate(ctx context.Context, id mctr.ContainerID) error {
	s, err := c.handle(id).State()
	if err != nil || s.Update == nil {
		return err
	}
	r, err := c.handle(id).RecordToChange()
	if err != nil {
		return err
	}
	r.Config.Resources = *s.Update
	wanted, err := c.wantedBy(ctx, r)
	if err == nil {
		err = c.apply(ctx, r, wanted)
	}
	if err != nil {
		return fmt.Errorf("finish an update that was cut off: %w", err)
	}
	return c.commitUpdate(ctx, r)
}
