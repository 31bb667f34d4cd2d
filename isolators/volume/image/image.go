// Package image is the volume/image isolator: it mounts the root filesystem of another image, or a part
// of it, at a target in the container.
//
// Launch: Check and Prepare, which pulls the image and mounts it; the engine binds that mount. On disk:
// Dir/volume/image/N with the id of the image, which stays the same as long as the container exists,
// and with what the container writes; a lease of the image store. Both are removed with the container.
// In the kernel: mounts below STATE/volume/image of the container, until Cleanup. Recovery: such mounts
// are found by their path. Mesos: isolators/volume/image.
package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/treemount"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/stateful"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
	"github.com/mctr/mctr/provisioner"
)

const name = "volume/image"

// New returns the isolator. With images == nil, the isolator refuses every volume.
func New(images *provisioner.Provisioner) isolators.Isolator { return &isolator{images: images} }

type isolator struct {
	isolators.Base
	images *provisioner.Provisioner
}

func (*isolator) Name() string { return name }

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{mctr.VolumeImage} }

// Check refuses a volume without an image.
func (i *isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range config.Volumes {
		if v.Type != mctr.VolumeImage {
			continue
		}
		if v.Source == "" {
			return fmt.Errorf("%w: volumes.source for %s: want the reference of an image", mctr.ErrInvalid, v.Target)
		}
		if i.images == nil {
			return &mctr.UnsupportedError{Feature: "volumes.type image", Why: "this process has no image store"}
		}
		if err := bind.CheckOptions(v); err != nil {
			return err
		}
	}
	return nil
}

// record is the image of a volume, so that every run of the container has the same.
type record struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
}

// Prepare mounts the images.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{}
	for n, v := range c.Config.Volumes {
		if v.Type != mctr.VolumeImage {
			continue
		}
		source, err := i.mount(ctx, c, n, v)
		if err != nil {
			return nil, fmt.Errorf("mount image %s at %s: %w", v.Source, v.Target, err)
		}
		a.Volumes = append(a.Volumes, bind.Mount(v, source))
	}
	return a, nil
}

// mount returns the path at which the files of the container's volume n are mounted.
func (i *isolator) mount(ctx context.Context, c *mctr.Container, n int, v mctr.Volume) (string, error) {
	number := strconv.Itoa(n)
	state := filepath.Join(c.State, name, number)
	if err := i.unmount(ctx, c.Handle, number); err != nil { // what an earlier Prepare mounted
		return "", err
	}
	image, err := i.lease(ctx, c, number, v)
	if err != nil {
		return "", err
	}
	rootfs, rw := filepath.Join(state, "rootfs"), changes(c.Handle, number)
	for _, dir := range []string{rootfs, rw} {
		if err := dirs.MakeAll(dir, 0o711); err != nil {
			return "", err
		}
	}
	o := provisioner.MountOptions{ReadOnly: v.ReadOnly, Volatile: c.Config.Remove}
	if err := i.images.Mount(ctx, image, rw, rootfs, o); err != nil || v.SubPath == "" {
		return rootfs, err
	}
	part := filepath.Join(state, "part")
	return part, treemount.Bind(rootfs, v.SubPath, part)
}

// lease leases the image of the first run, or the one that the reference names now.
func (i *isolator) lease(ctx context.Context, c *mctr.Container, number string,
	v mctr.Volume) (*provisioner.Image, error) {
	records, reference, first := stateful.Durable(c.Handle, name), v.Source, record{}
	err := records.Read(number, &first)
	if err == nil && first.Reference == v.Source {
		reference = first.ID
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	holder := string(c.ID) + "@volume" + number
	image, err := i.images.Lease(ctx, holder, reference, provisioner.PullOptions{
		Policy: provisioner.PullPolicy(c.Config.Pull), Platform: c.Config.Platform,
	})
	if err != nil || reference != v.Source {
		return image, err
	}
	return image, records.Write(number, record{Reference: v.Source, ID: string(image.ID)})
}

// changes returns the directory of what the container writes to its volume.
func changes(h mctr.Handle, number string) string { return filepath.Join(h.Dir, name, number) }

// Locate returns nil: the files are mounted only while the container runs.
func (*isolator) Locate(context.Context, mctr.Handle, *mctr.Handle, mctr.Volume) (*isolators.Location, error) {
	return nil, nil
}

// Cleanup unmounts the images. The changes and the lease stay for the next run.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	entries, err := os.ReadDir(filepath.Join(h.State, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, i.unmount(ctx, h, e.Name()))
	}
	return errors.Join(errs...)
}

func (i *isolator) unmount(ctx context.Context, h mctr.Handle, number string) error {
	state := filepath.Join(h.State, name, number)
	err := treemount.Unbind(filepath.Join(state, "part"))
	if err == nil && i.images != nil {
		err = i.images.Unmount(ctx, changes(h, number), filepath.Join(state, "rootfs"))
	}
	return err
}

// Recover reports the mounts of unknown containers.
func (*isolator) Recover(_ context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) ([]mctr.Leftover, error) {
	return stateful.LeftMounts(known, handleOf, func(h mctr.Handle) []string {
		return []string{filepath.Join(h.State, name)}
	})
}
