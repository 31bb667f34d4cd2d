package isolators

import (
	"context"

	"github.com/mctr/mctr"
)

// An Undoer is an Isolator whose Recover may report leftovers that belong to no
// container (Owner ""): there is no id to call Cleanup for. Reconcile asks it to undo
// such a leftover when two looks at the host have reported it.
type Undoer interface {
	// Undo takes back what l names, and succeeds where it is gone. It wraps
	// mctr.ErrUnsupported for a kind of leftover that it cannot undo.
	Undo(ctx context.Context, l mctr.Leftover) error
}
