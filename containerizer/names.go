package containerizer

import (
	"context"

	"github.com/mctr/mctr"
)

// Rename gives the container another name, in whatever phase it is. The error wraps
// mctr.ErrExists for a name in use.
func (c *Containerizer) Rename(ctx context.Context, id mctr.ContainerID, name string) error {
	if err := mctr.ValidateName(name); err != nil {
		return err
	}
	return c.store.Container(id).Rename(ctx, name)
}

// Resolve returns the container that ref names: by id, by name, or by a unique prefix of an id,
// in this order, so that no name hides another container's id. The error wraps mctr.ErrNotFound
// or, for an ambiguous prefix, mctr.ErrInvalid.
func (c *Containerizer) Resolve(ref string) (mctr.ContainerID, error) {
	return c.store.Resolve(ref, c.Containers)
}
