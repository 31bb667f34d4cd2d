package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// Wake has the isolators end the uninterruptible sleep of the container's processes, which were killed
// and have not ended.
func (r *Releaser) Wake(ctx context.Context, id mctr.ContainerID) error {
	var errs []error
	for _, i := range r.Isolators {
		if w, ok := i.(isolators.Waker); ok {
			if err := w.Wake(ctx, r.Store.Container(id).Handle()); err != nil {
				errs = append(errs, fmt.Errorf("wake processes of container %s: %s: %w", id.Short(), i.Name(), err))
			}
		}
	}
	return errors.Join(errs...)
}
