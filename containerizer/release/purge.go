package release

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
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
