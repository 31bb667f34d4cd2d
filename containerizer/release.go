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
	"github.com/mctr/mctr/internal/atomicfile"
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
	lock, err := c.lock(ctx, id)
	if err != nil {
		return err
	}
	err = c.cleanupLocked(ctx, id)
	return errors.Join(err, lock.Unlock(), c.endGroup(ctx, id))
}

// cleanupLocked does what the container's phase asks for.
func (c *Containerizer) cleanupLocked(ctx context.Context, id mctr.ContainerID) error {
	phase, err := c.phase(id)
	switch {
	case errors.Is(err, mctr.ErrNotFound):
		return c.release(ctx, id)
	case err != nil:
		return err
	case phase == mctr.Created, phase == mctr.Running, phase == mctr.Paused, phase == mctr.Damaged:
		return nil
	case c.cutOff(id, phase):
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
	return c.finish(ctx, id)
}

// finish releases an ended container and, with --rm, removes it.
func (c *Containerizer) finish(ctx context.Context, id mctr.ContainerID) error {
	r, err := c.load(id)
	if err == nil && r.Config.Remove {
		return c.abolish(ctx, id)
	}
	if err := c.release(ctx, id); err != nil {
		return err
	}
	if _, err := os.Lstat(c.paths.dir(id)); errors.Is(err, fs.ErrNotExist) {
		return c.forget(id) // ROOT has nothing of it that anybody could want to keep
	}
	return nil
}

// abolish releases a container and removes its records. The caller holds its lock.
func (c *Containerizer) abolish(ctx context.Context, id mctr.ContainerID) error {
	if err := c.release(ctx, id); err != nil {
		return err // the records stay, so that what is left can be found
	}
	if err := c.forgetChildren(ctx, id); err != nil {
		return err
	}
	return c.forget(id)
}

// undoLaunch takes back a launch that did not come to run: whole, or to where a
// container waits for its start, or to its last end.
func (c *Containerizer) undoLaunch(ctx context.Context, id mctr.ContainerID) error {
	if err := c.endRun(id); err != nil { // or it would count as one that ran, where this is cut off
		return err
	}
	if c.hasEnded(id) {
		return c.undoRestart(ctx, id)
	}
	if !c.isWaiting(id) {
		return c.abolish(ctx, id)
	}
	if err := c.release(ctx, id); err != nil {
		return err
	}
	var errs []error
	// rw may hold what was copied to it
	for _, path := range []string{c.paths.exit(id), c.paths.logs(id), c.paths.sandbox(id)} {
		errs = append(errs, tree.Remove(path))
	}
	return errors.Join(errs...)
}

// undoRestart takes a container back to its last end, with all its files.
func (c *Containerizer) undoRestart(ctx context.Context, id mctr.ContainerID) error {
	if err := c.release(ctx, id); err != nil {
		return err
	}
	return os.Rename(c.paths.last(id), c.paths.exit(id))
}

// release gives back everything on the host that the container held, in the
// reverse order of its launch. It goes on past errors and is idempotent. Of one
// without a directory in STATE, released before or by a reboot, isolators may still
// hold what outlives both.
func (c *Containerizer) release(ctx context.Context, id mctr.ContainerID) error {
	if _, err := os.Lstat(c.paths.stateDir(id)); errors.Is(err, fs.ErrNotExist) {
		return c.releaseWithoutState(ctx, id)
	}
	if _, err := c.journal(id).read(); err != nil { // what cannot be read cannot be written to either
		if err := tree.Remove(c.paths.journal(id)); err != nil {
			return err
		}
	}
	reach := func(checkpoint string) error { return c.journal(id).reach(checkpoint) }
	errs := []error{
		reach(atDestroy), c.killShim(id), c.releaseGroup(id), reach(atEnded), c.cleanIsolators(ctx, id, reach),
		c.unmountRootfs(ctx, id), tree.Remove(c.paths.engine(id)),
	}
	if err := errors.Join(append(errs, c.checkIsolators(id))...); err != nil {
		return fmt.Errorf("release container %s: %w", id, errors.Join(err, c.keepEndOnce(ctx, id)))
	}
	if err := errors.Join(c.journal(id).reach(atReleased), c.endRun(id)); err != nil {
		return err
	}
	return c.keepExit(ctx, id)
}

// releaseWithoutState is release for a container that was released before, or whose STATE
// is lost.
func (c *Containerizer) releaseWithoutState(ctx context.Context, id mctr.ContainerID) error {
	err := errors.Join(c.killShim(id), c.releaseGroup(id), c.cleanIsolators(ctx, id, func(string) error { return nil }),
		tree.Remove(c.paths.engine(id)), c.checkIsolators(id))
	if run, unreadable := c.run(id); err == nil && (run != nil || unreadable != nil) {
		err = c.keepEnd(ctx, id)
	}
	if err != nil {
		return err
	}
	return c.endRun(id)
}

// cleanIsolators has every isolator clean up, in reverse order and past errors, and tells
// reach of each.
func (c *Containerizer) cleanIsolators(ctx context.Context, id mctr.ContainerID,
	reach func(checkpoint string) error) error {
	var errs []error
	for _, i := range slices.Backward(c.isolators) {
		if err := i.Cleanup(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("clean up %s: %w", i.Name(), err), reach("failed/"+i.Name()))
			continue
		}
		errs = append(errs, reach("cleaned/"+i.Name()))
	}
	return errors.Join(errs...)
}

// releaseGroup ends what still runs in the container's group and removes it.
func (c *Containerizer) releaseGroup(id mctr.ContainerID) error {
	group := c.paths.group(id)
	return errors.Join(cgroup.Kill(group, killTime), cgroup.Remove(group))
}

func (c *Containerizer) unmountRootfs(ctx context.Context, id mctr.ContainerID) error {
	if c.images != nil {
		if err := c.images.Unmount(ctx, c.paths.rw(id), c.paths.rootfs(id)); err != nil {
			return err
		}
	}
	return unmountAll(c.paths.rootfs(id))
}

// keepExit moves a record of the end that lies in STATE to ROOT, with the story of
// the container, keeps the end for the container's owner, and removes STATE's directory.
func (c *Containerizer) keepExit(ctx context.Context, id mctr.ContainerID) error {
	fallback := c.paths.stateDir(id) + "/exit.json"
	if data, err := os.ReadFile(fallback); err == nil {
		if err := atomicfile.WriteDurable(c.paths.exit(id), data, 0o600); err != nil &&
			!errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep the record of the end: %w", err)
		}
	}
	if err := c.keepEndOnce(ctx, id); err != nil {
		return err
	}
	if r, err := c.load(id); err == nil && r.Config.Remove {
		return tree.Remove(c.paths.stateDir(id)) // no client will ask
	}
	if data, err := os.ReadFile(c.paths.journal(id)); err == nil {
		_ = os.WriteFile(c.paths.story(id), data, 0o600) // it explains, and nothing depends on it
	}
	return tree.Remove(c.paths.stateDir(id))
}

// keepEndOnce is keepEnd, once: an end that its owner has acknowledged does not come back
// where a release was cut off behind this, and is made again.
func (c *Containerizer) keepEndOnce(ctx context.Context, id mctr.ContainerID) error {
	reached, err := c.journal(id).read()
	if err != nil || slices.ContainsFunc(reached, func(t mctr.Timing) bool { return t.Checkpoint == atKept }) {
		return err
	}
	if err := c.keepEnd(ctx, id); err != nil {
		return err
	}
	return c.journal(id).reach(atKept)
}

// forget removes the container's files and logs, and then its records: the image's
// lease, the name, the directory. Where files stay, so do the records, and it can be
// found and removed by its name.
func (c *Containerizer) forget(id mctr.ContainerID) error {
	if err := c.removeFiles(id); err != nil {
		return err
	}
	var errs []error
	if c.images != nil {
		errs = append(errs, c.images.ReleaseAll(string(id)))
	}
	r, err := c.load(id)
	if err == nil {
		c.dropName(r.Config.Name, id)
	}
	errs = append(errs, tree.Remove(c.paths.stateDir(id)), c.removeDir(id), tree.Remove(c.paths.groupLock(id)))
	if err == nil && errors.Join(errs...) == nil {
		c.tell(r, mctr.EventDestroy, nil)
	}
	return errors.Join(errs...)
}

// removeFiles removes all directories of the container's own: what it has written.
func (c *Containerizer) removeFiles(id mctr.ContainerID) error {
	entries, err := os.ReadDir(c.paths.dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, tree.Remove(c.paths.dir(id)+"/"+e.Name()))
		}
	}
	return errors.Join(errs...)
}

// removeDir removes config.json last: while it is there, the rest can be found.
func (c *Containerizer) removeDir(id mctr.ContainerID) error {
	entries, err := os.ReadDir(c.paths.dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != "config.json" {
			errs = append(errs, tree.Remove(c.paths.dir(id)+"/"+e.Name()))
		}
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	return tree.Remove(c.paths.dir(id))
}
