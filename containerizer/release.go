package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/tree"
)

// killTime bounds the wait for a container's processes to die. One in
// uninterruptible sleep outlives it and is reported.
const killTime = 10 * time.Second

// Cleanup releases what an ended container still holds, and removes it whole if
// its config says so. A container that runs is left alone; one whose shim is
// lost is ended first. It is idempotent, and no error for an unknown id. An
// error says what stays; a second call tries again.
func (c *Containerizer) Cleanup(ctx context.Context, id mctr.ContainerID) error {
	if err := id.Validate(); err != nil {
		return err
	}
	lock, err := c.handle(id).Lock(ctx)
	if err != nil {
		return err
	}
	err = c.cleanupLocked(ctx, id)
	return errors.Join(err, lock.Unlock(), c.endGroup(ctx, id))
}

// CleanupEnded releases every container that has ended, was lost or abandoned,
// and that no process is busy with. What cannot be released is in the error and is
// tried again at the next call.
func (c *Containerizer) CleanupEnded(ctx context.Context) error {
	entries, err := os.ReadDir(c.store.Running())
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		id := mctr.ContainerID(e.Name())
		if alive, err := launcher.Alive(c.handle(id).StateDir()); alive || err != nil {
			continue // the most, and the cheapest to tell
		}
		lock, err := c.handle(id).TryLock(ctx)
		if err != nil {
			continue // its launcher has it, or a process that cleans up
		}
		errs = append(errs, c.cleanupLocked(ctx, id), lock.Unlock(), c.endGroup(ctx, id))
	}
	return errors.Join(errs...)
}

// cleanupLocked does what the container's phase asks for.
func (c *Containerizer) cleanupLocked(ctx context.Context, id mctr.ContainerID) error {
	phase, err := c.handle(id).Phase()
	switch {
	case errors.Is(err, mctr.ErrNotFound):
		return c.release(ctx, id)
	case err != nil:
		return err
	case phase == mctr.Created, phase == mctr.Running, phase == mctr.Paused, phase == mctr.Damaged:
		return nil
	case c.launchCutOff(id, phase):
		return c.undoLaunch(ctx, id) // its lock is free, so its launcher is dead
	}
	if err := c.endChildren(ctx, id); err != nil {
		return err // what the parent has is not released under them
	}
	if phase == mctr.Lost {
		if err := c.recordLost(id); err != nil {
			return err
		}
	}
	return c.releaseEnded(ctx, id)
}

// releaseEnded releases an ended container and, with --rm, removes it.
func (c *Containerizer) releaseEnded(ctx context.Context, id mctr.ContainerID) error {
	r, err := c.handle(id).Record()
	if err == nil && r.Config.Remove {
		return c.purge(ctx, id)
	}
	if err := c.release(ctx, id); err != nil {
		return err
	}
	if _, err := os.Lstat(c.handle(id).Dir()); errors.Is(err, fs.ErrNotExist) {
		return c.deleteRecords(ctx, id) // ROOT has nothing of it that is worth keeping
	}
	return nil
}

// purge releases a container and removes its records. The caller holds its lock.
func (c *Containerizer) purge(ctx context.Context, id mctr.ContainerID) error {
	if err := c.release(ctx, id); err != nil {
		return err // the records stay, so that what is left can be found
	}
	if err := c.purgeChildren(ctx, id); err != nil {
		return err
	}
	return c.deleteRecords(ctx, id)
}

// undoLaunch takes back a launch that did not come to run: whole, or to where a
// container waits for its start, or to its last end.
func (c *Containerizer) undoLaunch(ctx context.Context, id mctr.ContainerID) error {
	if _, err := c.handle(id).State(); err != nil { // it says where the container goes back to
		return err
	}
	if err := c.handle(id).EndRun(ctx); err != nil { // or it would count as one that ran, where this is cut off
		return err
	}
	if c.handle(id).Revived() {
		return c.undoRestart(ctx, id)
	}
	if !c.handle(id).AwaitsFirstStart() {
		return c.purge(ctx, id)
	}
	if err := c.release(ctx, id); err != nil {
		return err
	}
	var errs []error
	// rw may hold what was copied to it
	for _, path := range []string{c.handle(id).Exit(), c.handle(id).Logs(), c.handle(id).Sandbox()} {
		errs = append(errs, tree.Remove(path))
	}
	return errors.Join(errs...)
}

// undoRestart takes a container back to its last end, with all its files.
func (c *Containerizer) undoRestart(ctx context.Context, id mctr.ContainerID) error {
	if err := c.release(ctx, id); err != nil {
		return err
	}
	return c.handle(id).TakeBack(ctx)
}

// release gives back everything on the host that the container held, in the
// reverse order of its launch. It goes on past errors and is idempotent. Of one
// without a directory in STATE, released before or by a reboot, isolators may still
// hold what outlives both.
func (c *Containerizer) release(ctx context.Context, id mctr.ContainerID) error {
	if _, err := os.Lstat(c.handle(id).StateDir()); errors.Is(err, fs.ErrNotExist) {
		return c.releaseWithoutState(ctx, id)
	}
	if _, err := c.handle(id).Journal().Read(); err != nil { // what cannot be read cannot be written to either
		if err := tree.Remove(c.handle(id).Journal().Path()); err != nil {
			return err
		}
	}
	reach := func(checkpoint string) error { return c.handle(id).Journal().Reach(checkpoint) }
	errs := []error{
		reach(store.Destroy), c.killShim(id), c.releaseGroup(id), reach(store.Ended), c.cleanIsolators(ctx, id, reach),
		c.unmountRootfs(ctx, id), tree.Remove(c.handle(id).Engine()),
	}
	if err := errors.Join(append(errs, c.checkIsolators(id))...); err != nil {
		return fmt.Errorf("release container %s: %w", id, errors.Join(err, c.handle(id).KeepEndOnce(ctx)))
	}
	if err := errors.Join(c.handle(id).Journal().Reach(store.Released), c.handle(id).EndRun(ctx)); err != nil {
		return err
	}
	return c.keepExit(ctx, id)
}

// releaseWithoutState is release for a container that was released before, or whose STATE
// is lost.
func (c *Containerizer) releaseWithoutState(ctx context.Context, id mctr.ContainerID) error {
	err := errors.Join(c.killShim(id), c.releaseGroup(id), c.cleanIsolators(ctx, id, func(string) error { return nil }),
		tree.Remove(c.handle(id).Engine()), c.checkIsolators(id))
	if run, unreadable := c.handle(id).Run(); err != nil || run == nil && unreadable == nil {
		return err
	}
	if err := c.handle(id).KeepEnd(ctx); err != nil {
		return err
	}
	return c.handle(id).EndRun(ctx)
}

// cleanIsolators has every isolator clean up, in reverse order and past errors, and tells
// reach of each.
func (c *Containerizer) cleanIsolators(ctx context.Context, id mctr.ContainerID,
	reach func(checkpoint string) error) error {
	var errs []error
	for _, i := range slices.Backward(c.isolators) {
		if err := i.Cleanup(ctx, c.handleOf(id)); err != nil {
			errs = append(errs, fmt.Errorf("clean up %s: %w", i.Name(), err), reach("failed/"+i.Name()))
			continue
		}
		errs = append(errs, reach("cleaned/"+i.Name()))
	}
	return errors.Join(errs...)
}

// releaseGroup ends what still runs in the container's group and removes it.
func (c *Containerizer) releaseGroup(id mctr.ContainerID) error {
	group := c.handle(id).WholeCgroup()
	return errors.Join(cgroup.Kill(group, killTime), cgroup.Remove(group))
}

func (c *Containerizer) unmountRootfs(ctx context.Context, id mctr.ContainerID) error {
	if c.images != nil {
		if err := c.images.Unmount(ctx, c.handle(id).RW(), c.handle(id).Rootfs()); err != nil {
			return err
		}
	}
	return rootfs.Unmount(c.handle(id).Rootfs())
}

// keepExit moves a record of the end that lies in STATE to ROOT, with the story of
// the container, keeps the end for the container's owner, and removes STATE's directory.
func (c *Containerizer) keepExit(ctx context.Context, id mctr.ContainerID) error {
	container := c.handle(id)
	if err := container.SaveFallbackExit(); err != nil {
		return err
	}
	if err := c.handle(id).KeepEndOnce(ctx); err != nil {
		return err
	}
	if r, err := c.handle(id).Record(); err == nil && r.Config.Remove {
		return tree.Remove(c.handle(id).StateDir()) // no client will ask
	}
	container.KeepJournal()
	return tree.Remove(c.handle(id).StateDir())
}

// deleteRecords removes the container's files and logs, and then its records: the image's
// lease, the name, the directory. Where files stay, so do the records, and it can be
// found and removed by its name.
func (c *Containerizer) deleteRecords(ctx context.Context, id mctr.ContainerID) error {
	if err := c.handle(id).RemoveFiles(); err != nil {
		return err
	}
	var errs []error
	if c.images != nil {
		errs = append(errs, c.images.ReleaseAll(string(id)))
	}
	r, err := c.handle(id).Record()
	if err == nil {
		c.handle(id).FreeName(r.Config.Name)
	}
	errs = append(errs, tree.Remove(c.handle(id).StateDir()), c.handle(id).RemoveRecords(ctx),
		tree.Remove(c.handle(id).GroupLock()))
	if err == nil && errors.Join(errs...) == nil {
		c.store.Emit(r, mctr.EventDestroy, nil)
	}
	return errors.Join(errs...)
}
