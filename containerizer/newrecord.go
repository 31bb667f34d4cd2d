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

// reserve takes the container's name and id and its lock, and records the
// intent. The lock is the caller's afterwards.
func reserve(ctx context.Context, releaser *release.Releaser, r *store.Record) (*store.Lock, error) {
	lock, err := releaser.Store.Reserve(ctx, r)
	if err != nil && lock != nil { // the id is taken, and the intent was not written
		return nil, errors.Join(err, releaser.DeleteRecords(context.WithoutCancel(ctx), r.ID), lock.Unlock())
	}
	return lock, err
}

// newRecord checks the config as far as that needs nothing, and fills in its defaults.
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
	if path, err := findRuntime(copied.Runtime); err == nil { // or else Check says why
		copied.Runtime = path
	}
	if copied.Owner == "" {
		copied.Owner = c.owner
	}
	completeConfig(c.store, id, &copied)
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

// completeConfig fills in what a config says by its place: targets of mounts that are relative to
// the sandbox, as Mesos' container_path may be, and what a nested container has of its
// parent, where it says nothing itself.
func completeConfig(s *store.Store, id mctr.ContainerID, config *mctr.ContainerConfig) {
	sandbox := mctr.SandboxPath
	if config.Image == "" {
		sandbox = s.Container(id).Sandbox()
	}
	config.Mounts = slices.Clone(config.Mounts)
	for i, m := range config.Mounts {
		if m.Target != "" && filepath.IsLocal(m.Target) { // else it is refused by Check
			config.Mounts[i].Target = filepath.Join(sandbox, m.Target)
		}
	}
	if config.Listen != nil || id.Parent() == "" {
		return
	}
	if parent, err := s.Container(id.Parent()).Record(); err == nil { // else the launch finds that it is gone
		config.Listen = parent.Config.Listen
	}
}
