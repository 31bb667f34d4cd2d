package containerizer

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/volumes"
)

// Volumes are the named volumes of one ROOT and STATE.
type Volumes struct {
	named      *volumes.Store
	containers *store.Store
}

// NewVolumes returns the named volumes below root and state: local ones, those in CephFS, and those of the
// drivers. helperPath is the path of mctr-helper, which mounts them. It creates nothing.
func NewVolumes(root, state, helperPath string, drivers ...mctr.VolumeDriver) *Volumes {
	ceph := cephfs.New(cephfs.Config{State: state, Helper: &helper.Runner{Helper: helperPath}})
	config := volumes.Config{Root: root, State: state, Helper: helperPath,
		Drivers: append([]mctr.VolumeDriver{ceph.Driver()}, drivers...)}
	return &Volumes{named: volumes.New(config), containers: store.At(root, state)}
}

// List returns the volumes, sorted by name, with their usage if withUsage is true. The error is about
// volumes and records that cannot be read.
func (v *Volumes) List(ctx context.Context, withUsage bool) ([]mctr.VolumeDetails, error) {
	list, err := v.named.List()
	users, unread := v.containers.NamedVolumes()
	errs := []error{err, unread}
	var all []mctr.VolumeDetails
	for _, named := range list {
		d := v.details(named, users[named.Name])
		if withUsage {
			d.Usage, err = v.named.Usage(ctx, named)
			errs = append(errs, err)
		}
		all = append(all, d)
	}
	return all, errors.Join(errs...)
}

// Inspect returns a volume.
func (v *Volumes) Inspect(_ context.Context, name string) (*mctr.VolumeDetails, error) {
	named, err := v.named.Get(name)
	if err != nil {
		return nil, err
	}
	users, err := v.containers.NamedVolumes()
	if err != nil {
		return nil, err
	}
	d := v.details(*named, users[name])
	return &d, nil
}

// details adds to a volume the containers that use it: the one that an anonymous volume was made for,
// and those whose configs name it.
func (v *Volumes) details(named mctr.NamedVolume, naming []mctr.ContainerID) mctr.VolumeDetails {
	users := append([]mctr.ContainerID{}, naming...)
	if _, err := v.containers.Container(named.Container).Record(); err == nil {
		users = append(users, named.Container)
	}
	d := mctr.VolumeDetails{NamedVolume: named, Containers: users}
	if named.Driver == mctr.DriverLocal {
		d.Path = v.named.Data(named)
	}
	return d
}

// Create makes a volume and returns it. A volume that exists with the same properties is returned as it
// is; the error wraps mctr.ErrExists if its properties are others.
func (v *Volumes) Create(ctx context.Context, named mctr.NamedVolume) (*mctr.NamedVolume, error) {
	if named.Container != "" {
		return nil, fmt.Errorf("%w: volume %s: only a launch makes an anonymous volume", mctr.ErrInvalid, named.Name)
	}
	if named.Name == "" {
		named.Name = string(mctr.NewID()) // as docker names it
	}
	return v.named.Create(ctx, named)
}

// Expand makes a volume with a size larger, and returns it. The error wraps mctr.ErrState if the volume
// is in use and can only grow otherwise, and mctr.ErrUnsupported if its driver cannot.
func (v *Volumes) Expand(ctx context.Context, name string, size int64) (*mctr.NamedVolume, error) {
	return v.named.Expand(ctx, name, size)
}

// Remove removes a volume with its files. The error wraps mctr.ErrState while the config of a container
// names the volume, whether the container runs or not.
func (v *Volumes) Remove(ctx context.Context, name string) error {
	return v.named.Remove(ctx, name, func() error {
		d, err := v.Inspect(ctx, name)
		if err != nil {
			return fmt.Errorf("which containers use volume %s: %w", name, err)
		}
		if len(d.Containers) > 0 {
			return fmt.Errorf("%w: volume %s belongs to container %s (remove the container first)", mctr.ErrState, name,
				d.Containers[0].Short())
		}
		return nil
	})
}
