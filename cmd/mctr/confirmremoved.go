package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

// ownFailure is the exit code where mctr failed at running something.
const ownFailure = 125

// confirmRemoved is the exit status of a run whose container was to be removed. Where the
// container is still there, its removal failed, and is tried once more to say why.
func confirmRemoved(ctx context.Context, c agent.Containers, id mctr.ContainerID, result error) error {
	now, err := c.Status(ctx, id)
	if err == nil && slices.Contains([]mctr.Phase{mctr.Exited, mctr.Destroying, mctr.Lost}, now.Phase) {
		err = c.Remove(ctx, id, false)
	}
	if err == nil || errors.Is(err, mctr.ErrNotFound) {
		return result
	}
	err = fmt.Errorf("container %s has ended and is not removed: %w (mctr rm %s tries again)", id.Short(), err,
		id.Short())
	var status exitStatus
	if errors.As(result, &status) {
		return exitStatus{code: status.code, err: errors.Join(status.err, err)}
	}
	return exitStatus{code: ownFailure, err: err}
}
