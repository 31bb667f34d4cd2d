package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/isolators"
)

// Purge releases a container and removes its records, and those of what is nested in it.
// If the release fails, the records stay, so that what is left can be found.
func (r *Releaser) Purge(ctx context.Context, id mctr.ContainerID) error {
	if err := r.Release(ctx, id); err != nil {
		return err
	}
	children, err := r.Store.Children(id)
	errs := []error{err}
	for _, child := range children {
		errs = append(errs, r.purgeChild(ctx, child))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.DeleteRecords(ctx, id)
}

func (r *Releaser) purgeChild(ctx context.Context, id mctr.ContainerID) error {
	lock, err := r.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return r.Purge(ctx, id)
}

// DeleteRecords removes the container's files and logs, and then its records: the image's
// lease, the name, the directory. If files stay, so do the records, and the container can
// be found and removed by its name.
func (r *Releaser) DeleteRecords(ctx context.Context, id mctr.ContainerID) error {
	c := r.Store.Container(id)
	if err := r.removeKept(ctx, id); err != nil {
		return err
	}
	if err := c.RemoveFiles(); err != nil {
		return err
	}
	var errs []error
	if r.Images != nil {
		errs = append(errs, r.Images.ReleaseAll(string(id)))
	}
	record, err := c.Record()
	if err == nil {
		c.FreeName(record.Config.Name)
	}
	errs = append(errs, tree.Remove(c.StateDir()))
	errs = append(errs, c.RemoveRecords(ctx))
	errs = append(errs, tree.Remove(c.GroupLock()))
	if err == nil && errors.Join(errs...) == nil {
		r.Store.Emit(record, mctr.EventDestroy, nil)
	}
	return errors.Join(errs...)
}

// removeKept has the isolators remove what they kept for the container from one run to the next.
func (r *Releaser) removeKept(ctx context.Context, id mctr.ContainerID) error {
	namedBy := func(volume string) (mctr.ContainerID, error) { return r.namedBy(volume, id) }
	var errs []error
	for _, i := range r.Isolators {
		if remover, ok := i.(isolators.Remover); ok {
			if err := remover.Remove(ctx, r.Store.HandleOf(id), namedBy); err != nil {
				errs = append(errs, fmt.Errorf("%s: remove what it keeps for container %s: %w", i.Name(), id.Short(),
					err))
			}
		}
	}
	return errors.Join(errs...)
}

// namedBy returns a container, other than one, whose config names a named volume.
func (r *Releaser) namedBy(volume string, other mctr.ContainerID) (mctr.ContainerID, error) {
	users, err := r.Store.NamedVolumes()
	for _, id := range users[volume] {
		if id != other {
			return id, nil
		}
	}
	return "", err
}
