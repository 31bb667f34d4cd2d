package release

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/cgroup"
)

// RecordLost ends a container whose shim died, and records that its exit status is unknown.
func (r *Releaser) RecordLost(id mctr.ContainerID) error {
	return r.RecordUnseen(id,
		mctr.Limitation{Reason: mctr.ReasonShimLost, Message: "its supervisor died, so its exit status is unknown"})
}

// RecordUnseen ends a container that has no shim any more, and records why as the reason.
func (r *Releaser) RecordUnseen(id mctr.ContainerID, why mctr.Limitation) error {
	c := r.Store.Container(id)
	if err := cgroup.Kill(c.Cgroup(), shims.KillTime); err != nil {
		return err
	}
	err := recordExit(c, why.Reason, why.Message)
	c.Emit(mctr.EventDie, map[string]string{"reason": why.Reason})
	return err
}

// recordExit records an exit that no shim saw. Nothing is recorded for a container whose directory
// in ROOT was removed.
func recordExit(c *store.Container, reason, message string) error {
	if _, err := c.Termination(); err != nil { // what cannot be read may be a directory in the file's place
		if err := os.RemoveAll(c.Exit()); err != nil {
			return err
		}
	}
	err := atomicfile.WriteDurableJSON(c.Exit(), UnseenExit(reason, message))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// UnseenExit is the termination of a container whose exit no shim saw: by SIGKILL, now.
func UnseenExit(reason, message string) *mctr.Termination {
	return &mctr.Termination{
		ExitCode: 128 + int(unix.SIGKILL), Signal: int(unix.SIGKILL),
		Reason: reason, Message: message, Finished: time.Now().UTC(),
	}
}

// EndedByBoot records the exit of a container that ran before the host went down, and
// releases it.
func (r *Releaser) EndedByBoot(ctx context.Context, id mctr.ContainerID) error {
	c := r.Store.Container(id)
	phase, err := c.Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // it was removed with its root just now
	}
	if err != nil || phase == mctr.Created || phase == mctr.Exited {
		return errors.Join(err, r.Release(ctx, id))
	}
	// After a reboot none of its processes is left. If only STATE's boot id was lost, they are.
	if err := errors.Join(r.Shims.Kill(id), r.endGroup(ctx, c)); err != nil {
		return err
	}
	if err := recordExit(c, mctr.ReasonReboot, "the host was rebooted"); err != nil {
		return err
	}
	return r.Ended(ctx, id)
}
