// Package release releases what a container holds on the host, and undoes launches that did not
// come to run.
//
// It creates nothing but records of exits. It kills the container's shim and processes, has the
// isolators clean up, and removes mounts, control groups, STATE's directory and, for a container
// that removes itself, the records in ROOT. Each step is written to the journal first, so that
// another process can go on after a kill between any two.
package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/isolators"
)

// Images are the methods of a provisioner that a Releaser needs.
type Images interface {
	Unmount(ctx context.Context, rw, target string) error
	ReleaseAll(holder string) error
}

// A Releaser releases the containers of one store. Callers of its methods hold the
// container's lock.
type Releaser struct {
	Store     *store.Store
	Shims     *shims.Shims
	Isolators []isolators.Isolator
	Images    Images // nil: containers have no images

	// EndChildren ends and releases what is nested in a container.
	EndChildren func(ctx context.Context, id mctr.ContainerID) error
}

// Cleanup does what the container's phase calls for: it releases a container that has exited, after
// killing one whose shim is lost, and undoes a launch that was cut off. It leaves a container alone
// that runs or awaits its first start.
func (r *Releaser) Cleanup(ctx context.Context, id mctr.ContainerID) error {
	c := r.Store.Container(id)
	phase, err := c.Phase()
	switch {
	case errors.Is(err, mctr.ErrNotFound):
		return r.Release(ctx, id)
	case err != nil:
		return err
	case phase == mctr.Created, phase == mctr.Running, phase == mctr.Paused, phase == mctr.Damaged:
		return nil
	case CutOff(c, phase):
		return r.UndoLaunch(ctx, id) // its lock is free, so its launcher is dead
	}
	if err := r.EndChildren(ctx, id); err != nil {
		return err // children use what the parent holds: it is released after them
	}
	if phase == mctr.Lost {
		if err := r.RecordLost(id); err != nil {
			return err
		}
	}
	return r.Ended(ctx, id)
}

// CutOff returns true if the launch of a container in this phase, or the undoing of its launch, is
// unfinished.
func CutOff(c *store.Container, phase mctr.Phase) bool {
	return phase.Launching() || phase == mctr.Destroying && !c.Ran()
}

// Ended releases a container that has exited, and removes it if its config says so.
func (r *Releaser) Ended(ctx context.Context, id mctr.ContainerID) error {
	c := r.Store.Container(id)
	record, err := c.Record()
	if err == nil && record.Config.Remove {
		return r.Purge(ctx, id)
	}
	if err := r.Release(ctx, id); err != nil {
		return err
	}
	if _, err := os.Lstat(c.Dir()); errors.Is(err, fs.ErrNotExist) {
		return r.DeleteRecords(ctx, id) // ROOT holds nothing of value
	}
	return nil
}

// Release releases everything on the host that the container held, in the reverse order of its
// launch. It goes on past errors and is idempotent. A container without a directory in STATE was
// released before, or by a reboot: isolators may still hold what outlives both.
func (r *Releaser) Release(ctx context.Context, id mctr.ContainerID) error {
	c := r.Store.Container(id)
	if _, err := os.Lstat(c.StateDir()); errors.Is(err, fs.ErrNotExist) {
		return r.releaseWithoutState(ctx, c)
	}
	if _, err := c.Journal().Read(); err != nil { // an unreadable journal cannot be written to either
		if err := tree.Remove(c.Journal().Path()); err != nil {
			return err
		}
	}
	reach := func(checkpoint string) error { return c.Journal().Reach(checkpoint) }
	errs := []error{reach(store.Destroy)}
	errs = append(errs, r.Shims.Kill(id))
	errs = append(errs, r.endGroup(ctx, c))
	errs = append(errs, reach(store.Ended))
	errs = append(errs, r.cleanIsolators(ctx, c, reach))
	errs = append(errs, r.unmount(ctx, c))
	errs = append(errs, tree.Remove(c.Engine()))
	errs = append(errs, r.checkIsolators(c))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("release container %s: %w", id, errors.Join(err, c.KeepEndOnce(ctx)))
	}
	if err := errors.Join(reach(store.Released), c.EndRun(ctx)); err != nil {
		return err
	}
	return r.keepExit(ctx, c)
}

// releaseWithoutState is Release for a container that was released before, or whose
// directory in STATE is lost.
func (r *Releaser) releaseWithoutState(ctx context.Context, c *store.Container) error {
	unwritten := func(string) error { return nil } // there is no journal to write to
	err := errors.Join(r.Shims.Kill(c.ID), r.endGroup(ctx, c))
	err = errors.Join(err, r.cleanIsolators(ctx, c, unwritten))
	err = errors.Join(err, tree.Remove(c.Engine()), r.checkIsolators(c))
	if run, unreadable := c.Run(); err != nil || run == nil && unreadable == nil {
		return err
	}
	if err := c.KeepEnd(ctx); err != nil {
		return err
	}
	return c.EndRun(ctx)
}

// cleanIsolators has every isolator clean up, in reverse order and past errors, and calls
// reach after each.
func (r *Releaser) cleanIsolators(ctx context.Context, c *store.Container, reach func(checkpoint string) error) error {
	var errs []error
	for _, i := range slices.Backward(r.Isolators) {
		if err := i.Cleanup(ctx, c.Handle()); err != nil {
			errs = append(errs, fmt.Errorf("clean up %s: %w", i.Name(), err), reach("failed/"+i.Name()))
			continue
		}
		errs = append(errs, reach("cleaned/"+i.Name()))
	}
	return errors.Join(errs...)
}

// endGroup kills what still runs in the container's control group, and removes the group.
func (r *Releaser) endGroup(ctx context.Context, c *store.Container) error {
	group := c.WholeCgroup()
	killed := cgroup.Kill(group, shims.KillTime)
	if killed != nil {
		if asleep := r.Wake(ctx, c.ID); asleep != nil {
			killed = errors.Join(killed, asleep)
		} else {
			killed = cgroup.Kill(group, shims.KillTime)
		}
	}
	return errors.Join(killed, cgroup.Remove(group))
}

func (r *Releaser) unmount(ctx context.Context, c *store.Container) error {
	if r.Images != nil {
		if err := r.Images.Unmount(ctx, c.RW(), c.Rootfs()); err != nil {
			return err
		}
	}
	return rootfs.Unmount(c.Rootfs())
}

// keepExit copies a record of the exit from STATE to ROOT, with the container's journal, keeps the
// end for the container's owner, and removes STATE's directory.
func (r *Releaser) keepExit(ctx context.Context, c *store.Container) error {
	if err := c.SaveFallbackExit(); err != nil {
		return err
	}
	if err := c.KeepEndOnce(ctx); err != nil {
		return err
	}
	if record, err := c.Record(); err == nil && record.Config.Remove {
		return tree.Remove(c.StateDir()) // without a record of the exit: no caller can ask for it
	}
	c.KeepJournal()
	return tree.Remove(c.StateDir())
}
