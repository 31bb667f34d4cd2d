package ending

import (
	"context"
	"errors"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Cleanup releases what an exited container still holds: see containerizer's Cleanup.
func (e *Ender) Cleanup(ctx context.Context, id mctr.ContainerID) error {
	if err := id.Validate(); err != nil {
		return err
	}
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	err = e.Releaser.Cleanup(ctx, id)
	lock.Unlock()
	return errors.Join(err, e.EndGroup(ctx, id))
}

// CleanupEnded releases every container that has exited, was lost or was abandoned, unless
// another process holds its lock. The error says what could not be released; the next call tries
// again.
func (e *Ender) CleanupEnded(ctx context.Context) error {
	entries, err := os.ReadDir(e.Store.Running())
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		id := mctr.ContainerID(entry.Name())
		if alive, err := launcher.Alive(e.Store.Container(id).StateDir()); alive || err != nil {
			continue // most containers, and quick to tell
		}
		lock, err := e.Store.Container(id).TryLock(ctx)
		if err != nil {
			continue // its launcher holds the lock, or a process that releases it
		}
		errs = append(errs, e.Releaser.Cleanup(ctx, id))
		lock.Unlock()
		errs = append(errs, e.EndGroup(ctx, id))
	}
	return errors.Join(errs...)
}
