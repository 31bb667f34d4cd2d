package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
)

// ConfirmRemoved returns result, the error of a run with --rm. If the container still exists, its
// removal has failed; then ConfirmRemoved tries again, to report the reason.
func ConfirmRemoved(ctx context.Context, c agent.Containers, id mctr.ContainerID, result error) error {
	now, err := c.Status(ctx, id)
	if err == nil && slices.Contains([]mctr.Phase{mctr.Exited, mctr.Destroying, mctr.Lost}, now.Phase) {
		err = c.Remove(ctx, id, false)
	}
	if err == nil || errors.Is(err, mctr.ErrNotFound) {
		return result
	}
	err = fmt.Errorf("container %s has exited but could not be removed: %w (mctr rm %s tries again)", id.Short(), err,
		id.Short())
	var status exit.Status
	if errors.As(result, &status) {
		return exit.Status{Code: status.Code, Err: errors.Join(status.Err, err)}
	}
	return exit.Status{Code: exit.OwnFailure, Err: err}
}
