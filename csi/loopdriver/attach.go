package loopdriver

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ControllerPublishVolume records that the volume is attached to the node. The loop device is made by
// the Node service: the record survives a reboot, the device does not.
func (d *Driver) ControllerPublishVolume(_ context.Context, r *csi.ControllerPublishVolumeRequest) (
	*csi.ControllerPublishVolumeResponse, error) {
	if err := d.require(Attach); err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" || r.GetNodeId() == "" {
		return nil, invalid("volume id and node id are required")
	}
	if err := d.check(r.GetVolumeCapability()); err != nil {
		return nil, err
	}
	v, err := d.volume(r.GetVolumeId())
	if err == nil {
		err = d.checkVolumeContext(v.ID, r.GetVolumeContext())
	}
	if err != nil {
		return nil, err
	}
	if r.GetNodeId() != d.Node {
		return nil, status.Errorf(codes.NotFound, "node %q not found: this is %s", r.GetNodeId(), d.Node)
	}
	wanted := attachment{Node: d.Node, Capability: key(r.GetVolumeCapability()), Readonly: r.GetReadonly()}
	switch {
	case v.Attached == nil:
		if err := d.checkAttachLimit(); err != nil {
			return nil, err
		}
	case *v.Attached != wanted:
		return nil, status.Errorf(codes.AlreadyExists, "volume %s is attached with other properties", v.ID)
	}
	v.Attached = &wanted
	return &csi.ControllerPublishVolumeResponse{PublishContext: publishContext(v.ID)}, d.save(v)
}

// checkAttachLimit returns RESOURCE_EXHAUSTED if as many volumes are attached as the node can have.
func (d *Driver) checkAttachLimit() error {
	if d.MaxVolumes == 0 {
		return nil
	}
	ids, err := d.ids("volumes")
	if err != nil {
		return err
	}
	attached := int64(0)
	for _, id := range ids {
		if v, err := d.volume(id); err == nil && v.Attached != nil {
			attached++
		}
	}
	if attached >= d.MaxVolumes {
		return status.Errorf(codes.ResourceExhausted, "node %s has its %d volumes attached", d.Node, attached)
	}
	return nil
}

// ControllerUnpublishVolume removes the record of the attachment.
func (d *Driver) ControllerUnpublishVolume(_ context.Context, r *csi.ControllerUnpublishVolumeRequest) (
	*csi.ControllerUnpublishVolumeResponse, error) {
	if err := d.require(Attach); err != nil {
		return nil, err
	}
	v, err := d.volume(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	if r.GetNodeId() != "" && r.GetNodeId() != d.Node || v.Attached == nil {
		return &csi.ControllerUnpublishVolumeResponse{}, nil
	}
	if err := d.dropStale(v); err != nil {
		return nil, err
	}
	if v.Staged != nil || len(v.Published) > 0 {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is staged or published", v.ID)
	}
	v.Attached = nil
	return &csi.ControllerUnpublishVolumeResponse{}, d.save(v)
}
