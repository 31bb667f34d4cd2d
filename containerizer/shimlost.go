package containerizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/cgroup"
)

// recordLost ends a container whose shim died, and records that its exit status is unknown.
func (c *Containerizer) recordLost(id mctr.ContainerID) error {
	return c.recordUnseen(id,
		mctr.Limitation{Reason: mctr.ReasonShimLost, Message: "its supervisor died, so its exit status is unknown"})
}

// recordUnseen ends a container that has no shim any more, for this reason.
func (c *Containerizer) recordUnseen(id mctr.ContainerID, why mctr.Limitation) error {
	if err := cgroup.Kill(c.handle(id).Cgroup(), killTime); err != nil {
		return err
	}
	err := c.recordEnd(id, why.Reason, why.Message)
	c.handle(id).Emit(mctr.EventDie, map[string]string{"reason": why.Reason})
	return err
}

// recordEnd writes down an end that no shim saw. A container of which ROOT has nothing
// any more gets no record.
func (c *Containerizer) recordEnd(id mctr.ContainerID, reason, message string) error {
	if _, err := c.handle(id).Termination(); err != nil { // what cannot be read may be in the way
		if err := os.RemoveAll(c.handle(id).Exit()); err != nil {
			return err
		}
	}
	err := atomicfile.WriteDurableJSON(c.handle(id).Exit(), unseenEnd(reason, message))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func unseenEnd(reason, message string) *mctr.Termination {
	return &mctr.Termination{
		ExitCode: 128 + int(unix.SIGKILL), Signal: int(unix.SIGKILL),
		Reason: reason, Message: message, Finished: time.Now().UTC(),
	}
}

// killShim ends the container's shim, if one lives, and waits for that.
func (c *Containerizer) killShim(id mctr.ContainerID) error {
	for deadline := time.Now().Add(killTime); ; time.Sleep(time.Millisecond) {
		alive, err := c.handle(id).Supervised()
		if err != nil || !alive {
			return err
		}
		pid, err := c.shimPid(id)
		if err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("shim of container %s (pid %d) does not end", id, pid)
		}
		if pid == 0 || c.ending(id) && time.Until(deadline) > killTime/2 {
			continue // it is about to end by itself
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
}

// ending reports whether the shim has recorded the end, after which it leaves.
func (c *Containerizer) ending(id mctr.ContainerID) bool {
	t, err := c.handle(id).Termination()
	return err == nil && t != nil
}

// shimPid finds the container's shim: by the record of the run, in the shims' group, or
// by the lock that it holds where its launcher died before it could move it there. 0:
// there is none.
func (c *Containerizer) shimPid(id mctr.ContainerID) (int, error) {
	if run, err := c.handle(id).Run(); err == nil && run != nil && run.Supervised() {
		return run.ShimPid, nil
	}
	pids, err := cgroup.Pids(c.handle(id).ShimCgroup())
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if launcher.Directory(pid) == c.handle(id).StateDir() {
			return pid, nil
		}
	}
	return launcher.Holder(c.handle(id).StateDir()), nil
}
