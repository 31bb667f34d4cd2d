// Package csi is the volume/csi isolator: it mounts named volumes of the driver csi, which plugins of
// the Container Storage Interface have made, and gives a container the device of a block volume.
//
// Launch: Check and Prepare, which has mctr-csi publish each volume; the engine binds what the plugin
// has mounted. A container with ROOT/csi as a bind mount with propagation rshared is a plugin: Prepare
// makes ROOT/csi a shared mount for it. On disk: State/volume/csi/used has a file for each volume that
// is, or is about to be, published, and State/volume/csi/plugin is that of a plugin; package csi says
// what mctr-csi writes in ROOT/csi. In the kernel: the plugin's mounts and devices, and a mount below
// State/volume/csi/parts for each part of a volume, because a task could replace the path by a link;
// all until Cleanup, which is called when the container's processes are gone. No thread of this
// process touches a volume: mctr-csi and mctr-helper do, and may be given up.
// Recovery: volumes of unknown containers, and volumes that no container has and that are attached or
// staged still, as after a reboot. A plugin that is down does not matter to a running container. Spec:
// CSI 1.13. Mesos: volume/csi.
package csi

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	csivolumes "github.com/mctr/mctr/csi/volumes"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
)

const name = "volume/csi"

// Deps are what the isolator works with.
type Deps struct {
	Named  *volumes.Store     // the records of named volumes
	Driver *csivolumes.Driver // publishes them
	Jobs   *helper.Runner     // mounts parts of them
}

// New returns the isolator.
func New(d Deps) isolators.Isolator { return &isolator{Deps: d} }

type isolator struct {
	isolators.Base
	Deps
}

func (*isolator) Name() string { return name }

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{csivolumes.Name} }

// Check refuses volumes that do not exist, and parts of block volumes.
func (i *isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range mine(config) {
		if v.Source == "" {
			return fmt.Errorf("%w: volumes.source for %s: want the name of a volume of driver csi", mctr.ErrInvalid,
				v.Target)
		}
		if err := mctr.ValidateVolumeName(v.Source); err != nil {
			return fmt.Errorf("volumes.source for %s: %w", v.Target, err)
		}
		named, err := i.named(v)
		if err != nil {
			return fmt.Errorf("%w: volumes.source for %s: %v (create it: mctr volume create -d csi)", mctr.ErrInvalid,
				v.Target, err)
		}
		if v.SubPath != "" && named.Options["access_type"] == csi.Block {
			return fmt.Errorf("%w: volumes.sub_path of %s: the volume is a block device", mctr.ErrInvalid, v.Target)
		}
		if err := bind.CheckOptions(v); err != nil {
			return err
		}
	}
	return nil
}

// mine returns the volumes of a config that the isolator mounts.
func mine(config *mctr.ContainerConfig) []mctr.Volume {
	return slices.DeleteFunc(slices.Clone(config.Volumes),
		func(v mctr.Volume) bool { return v.Type != csivolumes.Name })
}

// named returns the named volume of v, which must be of driver csi.
func (i *isolator) named(v mctr.Volume) (*mctr.NamedVolume, error) {
	named, err := i.Named.Get(v.Source)
	if err == nil && named.Driver != csivolumes.Name {
		err = fmt.Errorf("%w: volume %s is of driver %s, not csi", mctr.ErrInvalid, v.Source, named.Driver)
	}
	return named, err
}

// Prepare publishes the volumes.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{}
	if err := i.share(ctx, c); err != nil {
		return nil, fmt.Errorf("make ready for a plugin: %w", err)
	}
	for n, v := range mine(c.Config) {
		answer, err := i.publish(ctx, c, v)
		if err != nil {
			return nil, fmt.Errorf("mount volume %s at %s: %w", v.Source, v.Target, err)
		}
		source := answer.Target
		if v.SubPath != "" {
			if source, err = i.part(ctx, c, strconv.Itoa(n), source, v.SubPath); err != nil {
				return nil, fmt.Errorf("mount %s of volume %s at %s: %w", v.SubPath, v.Source, v.Target, err)
			}
		}
		a.Volumes = append(a.Volumes, bind.Mount(v, source))
		if answer.Device != nil {
			allow(&a.Spec, answer.Device, v.ReadOnly)
		}
	}
	return a, nil
}

// publish has a volume published to the container. A dry run has nothing done.
func (i *isolator) publish(ctx context.Context, c *mctr.Container, v mctr.Volume) (*csi.Answer, error) {
	named, err := i.named(v)
	if err != nil {
		return nil, err
	}
	if c.DryRun {
		target, err := i.Driver.TargetPath(*named, c.ID)
		return &csi.Answer{Target: target}, err
	}
	if err := note(c.Handle, csivolumes.Key(*named)); err != nil {
		return nil, err
	}
	writes := func(other mctr.Volume) bool { return other.Source == v.Source && !other.ReadOnly }
	return i.Driver.Publish(ctx, *named, c.ID, !slices.ContainsFunc(mine(c.Config), writes))
}

// part mounts a directory of a published volume, and returns its path.
func (i *isolator) part(ctx context.Context, c *mctr.Container, n, source, sub string) (string, error) {
	at := filepath.Join(parts(c.Handle), n)
	if c.DryRun {
		return filepath.Join(source, sub), nil
	}
	if err := i.unmount(ctx, at); err != nil { // of an earlier Prepare
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, mountTime)
	defer cancel()
	_, err := i.Jobs.Do(ctx, helper.Request{Verb: helper.VerbBind, Source: source, Data: sub, Path: at})
	return at, err
}

// allow lets the container open a block device. The rule comes after that of cgroups/devices, which denies
// all devices.
func allow(spec *specs.Spec, d *csi.Device, readonly bool) {
	access := "rwm"
	if readonly {
		access = "rm"
	}
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{Resources: &specs.LinuxResources{}}
	}
	spec.Linux.Resources.Devices = append(spec.Linux.Resources.Devices, specs.LinuxDeviceCgroup{Allow: true,
		Type: "b", Major: &d.Major, Minor: &d.Minor, Access: access})
}

// Locate returns nil: the files are mounted only while the container runs.
func (*isolator) Locate(context.Context, mctr.Handle, *mctr.Handle, mctr.Volume) (*isolators.Location, error) {
	return nil, nil
}
