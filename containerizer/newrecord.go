package containerizer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/release"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
)

// reserve reserves the container's name and id, locks the container, and records the intent to
// launch it. The caller then holds the lock.
func reserve(ctx context.Context, releaser *release.Releaser, r *store.Record) (*store.Lock, error) {
	lock, err := releaser.Store.Reserve(ctx, r)
	if err != nil && lock != nil { // the id is reserved, but the intent was not written
		defer lock.Unlock()
		return nil, errors.Join(err, releaser.DeleteRecords(context.WithoutCancel(ctx), r.ID))
	}
	return lock, err
}

// reserveNew is reserve for a container that is made from config. It has the isolators keep the values
// in config that the record lacks.
func (c *Containerizer) reserveNew(ctx context.Context, r *store.Record,
	config *mctr.ContainerConfig) (*store.Lock, error) {
	lock, err := reserve(ctx, c.releaser, r)
	if err != nil {
		return nil, err
	}
	for _, i := range c.isolators {
		if err := i.(isolators.Keeper).Keep(ctx, c.store.HandleOf(r.ID), config); err != nil {
			defer lock.Unlock()
			return nil, errors.Join(fmt.Errorf("%s: %w", i.Name(), err),
				c.releaser.Purge(context.WithoutCancel(ctx), r.ID))
		}
	}
	return lock, nil
}

// newRecord makes the record of a new container: it fills in the defaults of config, and validates id and name.
func (c *Containerizer) newRecord(ctx context.Context, id mctr.ContainerID,
	config *mctr.ContainerConfig) (*store.Record, error) {
	if err := errors.Join(id.Validate(), checkConfig(config)); err != nil {
		return nil, err
	}
	if err := checkNesting(id, config); err != nil {
		return nil, err
	}
	copied := *config
	if copied.Name != "" {
		if err := mctr.ValidateName(copied.Name); err != nil {
			return nil, err
		}
	}
	if path, err := findRuntime(copied.Runtime); err == nil { // Check reports the error
		copied.Runtime = path
	}
	if copied.Owner == "" {
		copied.Owner = c.owner
	}
	completeConfig(c.store, id, &copied)
	if err := addVolumesFrom(c.store, c.images, &copied); err != nil {
		return nil, err
	}
	for _, i := range c.isolators {
		note, err := i.(isolators.Completer).Complete(ctx, id, &copied)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", i.Name(), err)
		}
		if note != "" {
			c.log.Warn(note, "container", id, "isolator", i.Name())
		}
	}
	return store.NewRecord(id, &copied, &c.commands), nil
}

// completeConfig fills in what depends on the container's place: mount targets that are relative
// to the sandbox, as Mesos' container_path may be, and the listen policy that a nested container
// inherits from its parent.
func completeConfig(s *store.Store, id mctr.ContainerID, config *mctr.ContainerConfig) {
	sandbox := mctr.SandboxPath
	if config.Image == "" {
		sandbox = s.Container(id).Sandbox()
	}
	config.Volumes = slices.Clone(config.Volumes)
	for i, m := range config.Volumes {
		if m.Target != "" && filepath.IsLocal(m.Target) { // Check refuses any other
			config.Volumes[i].Target = filepath.Join(sandbox, m.Target)
		}
	}
	if config.Listen != nil || id.Parent() == "" {
		return
	}
	if parent, err := s.Container(id.Parent()).Record(); err == nil { // the launch reports a missing parent
		config.Listen = parent.Config.Listen
	}
}
