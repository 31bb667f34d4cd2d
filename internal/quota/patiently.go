package quota

import (
	"context"
	"errors"
	"time"

	"github.com/mctr/mctr"
)

// patience is how long a filesystem may be in use by processes that make a mount namespace.
const patience = 5 * time.Second

// Patiently calls do, which unmounts or removes a directory, until it is no longer in use, for at most
// five seconds: a process that makes a mount namespace, such as the launch of another container, holds
// every mount for a moment.
func Patiently(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(patience)
	for delay := time.Millisecond; ; delay *= 2 {
		err := do()
		if !errors.Is(err, mctr.ErrState) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(delay):
		}
	}
}
