package ending

import (
	"context"
	"errors"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
)

// Cleanup releases what an ended container still holds, and removes it whole if
// its config says so. A container that runs is left alone; one whose shim is
// lost is ended first. It is idempotent, and no error for an unknown id. An
// error says what stays; a second call tries again.
func (e *Ender) Cleanup(ctx context.Context, id mctr.ContainerID) error {
	if err := id.Validate(); err != nil {
		return err
	}
	lock, err := e.Store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	err = e.Releaser.Cleanup(ctx, id)
	return errors.Join(err, lock.Unlock(), e.EndGroup(ctx, id))
}

// CleanupEnded releases every container that has ended, was lost or abandoned,
// and that no process is busy with. What cannot be released is in the error and is
// tried again at the next call.
func (e *Ender) CleanupEnded(ctx context.Context) error {
	entries, err := os.ReadDir(e.Store.Running())
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		id := mctr.ContainerID(entry.Name())
		if alive, err := launcher.Alive(e.Store.Container(id).StateDir()); alive || err != nil {
			continue // the most, and the cheapest to tell
		}
		lock, err := e.Store.Container(id).TryLock(ctx)
		if err != nil {
			continue // its launcher has it, or a process that cleans up
		}
		errs = append(errs, e.Releaser.Cleanup(ctx, id), lock.Unlock(), e.EndGroup(ctx, id))
	}
	return errors.Join(errs...)
}
