package loopdriver

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NodePublishVolume binds a volume's staged filesystem, or its device, to the target path.
func (d *Driver) NodePublishVolume(_ context.Context, r *csi.NodePublishVolumeRequest) (
	*csi.NodePublishVolumeResponse, error) {
	if r.GetVolumeId() == "" || !filepath.IsAbs(r.GetTargetPath()) {
		return nil, invalid("volume id and an absolute target path are required")
	}
	if err := d.check(r.GetVolumeCapability()); err != nil {
		return nil, err
	}
	v, err := d.usable(r.GetVolumeId(), r.GetVolumeContext(), r.GetPublishContext())
	if err != nil {
		return nil, err
	}
	if err := d.admit(v, r); err != nil {
		return nil, err
	}
	v.Published[r.GetTargetPath()] = publication{Capability: key(r.GetVolumeCapability()), Readonly: r.GetReadonly()}
	if err := d.save(v); err != nil {
		return nil, err
	}
	return &csi.NodePublishVolumeResponse{}, internal(d.publish(v, r))
}

// admit decides whether a volume can be published once more, by the tables of the specification, and
// that it is staged where the request says.
func (d *Driver) admit(v *volume, r *csi.NodePublishVolumeRequest) error {
	if d.has(Stage) && (v.Staged == nil || v.Staged.Path != r.GetStagingTargetPath()) {
		return status.Errorf(codes.FailedPrecondition, "volume %s is not staged at %q", v.ID, r.GetStagingTargetPath())
	}
	wanted := publication{Capability: key(r.GetVolumeCapability()), Readonly: r.GetReadonly()}
	have, published := v.Published[r.GetTargetPath()]
	switch {
	case published && have != wanted:
		return status.Errorf(codes.AlreadyExists, "volume %s is published at %s with other properties", v.ID,
			r.GetTargetPath())
	case !published && len(v.Published) > 0 && !shared(r.GetVolumeCapability()):
		return status.Errorf(codes.FailedPrecondition,
			"volume %s is published elsewhere, and access mode %v allows one", v.ID,
			r.GetVolumeCapability().GetAccessMode().GetMode())
	}
	return nil
}

func (d *Driver) publish(v *volume, r *csi.NodePublishVolumeRequest) error {
	readonly := r.GetReadonly() || readerOnly(r.GetVolumeCapability())
	if d.Bind {
		return bind(d.image(v.ID), r.GetTargetPath(), readonly)
	}
	if !d.has(Stage) {
		if err := d.stageInternally(v, r.GetVolumeCapability()); err != nil {
			return err
		}
	}
	if r.GetVolumeCapability().GetBlock() == nil {
		return bind(v.Staged.Path, r.GetTargetPath(), readonly)
	}
	device, err := attachLoop(d.image(v.ID), readonly, false) // a read-only bind of a device could be written
	if err != nil {
		return err
	}
	defer device.Close()
	return bind(device.Name(), r.GetTargetPath(), false)
}

// NodeUnpublishVolume undoes NodePublishVolume, and removes the target.
func (d *Driver) NodeUnpublishVolume(_ context.Context, r *csi.NodeUnpublishVolumeRequest) (
	*csi.NodeUnpublishVolumeResponse, error) {
	if r.GetVolumeId() == "" || !filepath.IsAbs(r.GetTargetPath()) {
		return nil, invalid("volume id and an absolute target path are required")
	}
	v, err := d.volume(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	if err := unmount(r.GetTargetPath()); err != nil {
		return nil, internal(err)
	}
	if err := os.Remove(r.GetTargetPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, internal(err)
	}
	if err := d.dropStale(v); err != nil {
		return nil, err
	}
	delete(v.Published, r.GetTargetPath())
	if len(v.Published) == 0 {
		if err := detachLoop(d.image(v.ID), true); err != nil {
			return nil, internal(err)
		}
	}
	if err := d.save(v); err != nil {
		return nil, err
	}
	if !d.has(Stage) {
		err = d.unstageInternally(v)
	}
	return &csi.NodeUnpublishVolumeResponse{}, internal(err)
}
