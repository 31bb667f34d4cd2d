package containerizer

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/provisioner"
)

// ExportImage writes an OCI bundle of an image to dir, which must be missing or empty, and
// is readable by its owner only (mode 0700): rootfs with the image's files, and config.json with
// the command, environment and user of the image and the default isolation, without a network.
// After an error dir is as it was before. Only the image stays in ROOT.
func (c *Containerizer) ExportImage(ctx context.Context, ref, dir string, o provisioner.PullOptions) (err error) {
	if c.images == nil {
		return errNoImages
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	undo, err := provisioner.BundleDir(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, undo())
		}
	}()
	image, err := unpackImage(ctx, c.images, ref, filepath.Join(dir, "rootfs"), o)
	if err != nil {
		return err
	}
	config := &mctr.ContainerConfig{Image: ref, Platform: o.Platform, Pull: "never", Network: mctr.NetworkNone}
	if len(image.Config.Entrypoint)+len(image.Config.Cmd) == 0 {
		config.Process.Args = []string{"sh"} // a bundle must name a command
	}
	spec, err := c.DryRun(ctx, config)
	if err != nil {
		return err
	}
	disown(spec, c.store, filepath.Base(dir))
	data, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "config.json"), append(data, '\n'), 0o600)
}

// unpackImage unpacks an image into rootfs. It holds a lease while it reads the layers.
func unpackImage(ctx context.Context, images Images, ref, rootfs string,
	o provisioner.PullOptions) (_ *provisioner.Image, err error) {
	holder, err := provisioner.ProcessHolder()
	if err != nil {
		return nil, err
	}
	image, err := images.Lease(ctx, holder, ref, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, images.Release(holder)) }()
	return image, images.Unpack(ctx, image, rootfs)
}

// disown removes from the spec what lies in mctr's directories, and what names a container of
// mctr. The runtime that runs the bundle chooses its control group.
func disown(spec *specs.Spec, s *store.Store, name string) {
	spec.Mounts = slices.DeleteFunc(spec.Mounts, func(m specs.Mount) bool {
		return isBelow(m.Source, s.Root) || isBelow(m.Source, s.State)
	})
	spec.Process.Env = slices.DeleteFunc(spec.Process.Env, func(v string) bool {
		return strings.HasPrefix(v, "MESOS_") || strings.HasPrefix(v, "HOSTNAME=")
	})
	spec.Hostname, spec.Linux.CgroupsPath = name, ""
}

func isBelow(path, dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) }
