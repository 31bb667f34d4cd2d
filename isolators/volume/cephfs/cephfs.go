// Package cephfs is the volume/cephfs isolator: it mounts named volumes whose driver is cephfs.
//
// Launch: Check and Prepare, which mounts the volume's filesystem unless another container of this STATE
// has it, and binds the volume, or a part of it, for the engine. On disk: STATE/cephfs, by package
// internal/cephfs, and STATE/volume/cephfs of the container, where used has a file for each volume in
// use. In the kernel: the filesystem's mount and its client, which containers share, the binds below
// STATE/volume/cephfs/mounts, and those in the container's mount namespace; all but the last until
// Cleanup. Recovery: mounts that no known container has. Whatever may hang runs in mctr-helper with a
// deadline.
//
// If the filesystem's client dies, the volume stays dead in the containers that have it: Status warns of
// it, and they must be started again. If the cluster does not answer, Wake and Cleanup end the mount by
// force. Mesos has nothing like it; its docker/volume isolator leaves all of this to a driver.
package cephfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/stateful"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
)

const name = "volume/cephfs"

// New returns the isolator for the volumes in the store.
func New(store *volumes.Store, mounts *cephfs.Mounts) isolators.Isolator {
	return &isolator{store: store, mounts: mounts}
}

type isolator struct {
	isolators.Base
	store  *volumes.Store
	mounts *cephfs.Mounts
}

func (*isolator) Name() string { return name }

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{cephfs.DriverName} }

// Check refuses anonymous volumes, and names that no volume can have.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range config.Volumes {
		if v.Type != cephfs.DriverName {
			continue
		}
		if err := mctr.ValidateVolumeName(v.Source); err != nil {
			return fmt.Errorf("volumes.source for %s: %w", v.Target, err)
		}
		if err := bind.CheckOptions(v); err != nil {
			return err
		}
	}
	return nil
}

// Prepare mounts the volumes.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{}
	for n, v := range c.Config.Volumes {
		if v.Type != cephfs.DriverName {
			continue
		}
		at := filepath.Join(mounts(c.Handle), strconv.Itoa(n))
		if !c.DryRun {
			if err := i.mount(ctx, c.Handle, v, at); err != nil {
				return nil, fmt.Errorf("mount volume %s at %s: %w", v.Source, v.Target, err)
			}
		}
		a.Volumes = append(a.Volumes, bind.Mount(v, at))
	}
	return a, nil
}

// mount mounts a volume and binds it, or a part of it, at a path.
func (i *isolator) mount(ctx context.Context, h mctr.Handle, v mctr.Volume, at string) error {
	if err := note(h, v.Source); err != nil {
		return err
	}
	named, err := i.store.Hold(ctx, v.Source, cephfs.DriverName, h.ID)
	if err != nil {
		return err
	}
	asked, err := cephfs.ParseVolume(named.Options)
	if err != nil {
		return err
	}
	root, err := i.mounts.Acquire(ctx, asked.Spec, cephfs.Holder{ID: h.ID, Group: group(h)})
	if err != nil {
		return err
	}
	if err := i.mounts.Unbind(ctx, at); err != nil { // of an earlier Prepare
		return err
	}
	return i.mounts.Bind(ctx, root, filepath.Join("/", asked.Directory, v.SubPath), at)
}

// group returns the control group for ceph-fuse: beside the group above all containers, as that of the
// shims. A scope of systemd ends with its container, so that there it is one below the root.
func group(h mctr.Handle) string {
	above := filepath.Dir(filepath.Dir(h.Cgroup))
	if strings.HasSuffix(above, ".scope") {
		above = "mctr"
	}
	return above + "-cephfs"
}

// Locate returns nil: this process must not touch files that may hang.
func (*isolator) Locate(context.Context, mctr.Handle, *mctr.Handle, mctr.Volume) (*isolators.Location, error) {
	return nil, nil
}

// Status warns of mounts that are dead, as far as that can be known without touching them.
func (i *isolator) Status(_ context.Context, h mctr.Handle, s *mctr.Status) error {
	for root, health := range i.mounts.Look(h.ID) {
		if health.State != cephfs.Healthy {
			s.Warnings = append(s.Warnings,
				fmt.Sprintf("the volume mounted at %s is %s (start the container again)", root, health))
		}
	}
	slices.Sort(s.Warnings)
	return nil
}

// Wake ends the clients of mounts that do not answer and that the container alone has.
func (i *isolator) Wake(ctx context.Context, h mctr.Handle) error { return i.mounts.Wake(ctx, h.ID) }

// Cleanup releases the volumes, and unmounts those that no other container has.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	binds, err := namesIn(mounts(h))
	errs := []error{err}
	for _, n := range binds {
		errs = append(errs, i.mounts.Unbind(context.WithoutCancel(ctx), filepath.Join(mounts(h), n)))
	}
	errs = append(errs, i.mounts.Release(ctx, h.ID))
	names, err := namesIn(used(h)) // without the directory, volume/local releases all users of volumes
	errs = append(errs, err)
	for _, name := range names {
		err := i.store.Release(context.WithoutCancel(ctx), name, h.ID)
		if err == nil {
			err = os.Remove(filepath.Join(used(h), name))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Recover reports mounts of unknown containers, and those that no container has.
func (i *isolator) Recover(_ context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) ([]mctr.Leftover, error) {
	found, err := i.mounts.Leftovers(func(id mctr.ContainerID) bool {
		return slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == id })
	})
	left, failed := stateful.LeftMounts(known, handleOf, func(h mctr.Handle) []string { return []string{mounts(h)} })
	return append(found, left...), errors.Join(err, failed)
}

// Undo unmounts a mount that no container has.
func (i *isolator) Undo(ctx context.Context, l mctr.Leftover) error { return i.mounts.Undo(ctx, l) }
