package ending

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
)

// EndChildren kills and releases what is nested in a container that exits, the deepest first.
// The records stay.
func (e *Ender) EndChildren(ctx context.Context, id mctr.ContainerID) error {
	children, err := e.Store.Children(id)
	errs := []error{err}
	for _, child := range children {
		why := mctr.Limitation{Reason: mctr.ReasonParentEnded, Message: fmt.Sprintf("its parent %s ended", id.Short())}
		_, err := e.destroy(ctx, child, why)
		if !errors.Is(err, mctr.ErrNotFound) && !errors.Is(err, mctr.ErrState) {
			errs = append(errs, err)
		}
		errs = append(errs, e.Cleanup(ctx, child))
	}
	return errors.Join(errs...)
}
