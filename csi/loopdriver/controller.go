package loopdriver

import (
	"context"
	"errors"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ControllerGetCapabilities returns the calls that the Controller service has.
func (d *Driver) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (
	*csi.ControllerGetCapabilitiesResponse, error) {
	if err := d.require(Controller); err != nil {
		return nil, err
	}
	r := &csi.ControllerGetCapabilitiesResponse{}
	add := func(feature string, kinds ...csi.ControllerServiceCapability_RPC_Type) {
		for _, kind := range kinds {
			if d.has(feature) {
				r.Capabilities = append(r.Capabilities, &csi.ControllerServiceCapability{
					Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}}})
			}
		}
	}
	add(Create, csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME)
	add(Attach, csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_READONLY)
	add(List, csi.ControllerServiceCapability_RPC_LIST_VOLUMES, csi.ControllerServiceCapability_RPC_GET_CAPACITY)
	if d.has(List) {
		add(Attach, csi.ControllerServiceCapability_RPC_LIST_VOLUMES_PUBLISHED_NODES)
		add(Snapshot, csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS)
	}
	add(Snapshot, csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT)
	add(Clone, csi.ControllerServiceCapability_RPC_CLONE_VOLUME)
	add(Expand, csi.ControllerServiceCapability_RPC_EXPAND_VOLUME)
	add(Get, csi.ControllerServiceCapability_RPC_GET_VOLUME)
	if d.has(Get) {
		add(Snapshot, csi.ControllerServiceCapability_RPC_GET_SNAPSHOT)
	}
	add(MultiWriter, csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER)
	add(Modify, csi.ControllerServiceCapability_RPC_MODIFY_VOLUME)
	add(Health, csi.ControllerServiceCapability_RPC_GET_VOLUME_HEALTH,
		csi.ControllerServiceCapability_RPC_LIST_VOLUME_HEALTH)
	return r, nil
}

// DeleteVolume removes a volume that is not in use.
func (d *Driver) DeleteVolume(_ context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if err := d.require(Create); err != nil {
		return nil, err
	}
	v, err := d.volume(r.GetVolumeId())
	if status.Code(err) == codes.NotFound {
		return &csi.DeleteVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := d.dropStale(v); err != nil {
		return nil, err
	}
	if v.Attached != nil || v.Staged != nil || len(v.Published) > 0 {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is in use", v.ID)
	}
	// A volume of --bind is a directory of its own; it has no mounts inside.
	err = errors.Join(os.RemoveAll(d.image(v.ID)), os.Remove(d.recordPath("volumes", v.ID)))
	return &csi.DeleteVolumeResponse{}, internal(err)
}

// ValidateVolumeCapabilities confirms all capabilities or none.
func (d *Driver) ValidateVolumeCapabilities(_ context.Context, r *csi.ValidateVolumeCapabilitiesRequest) (
	*csi.ValidateVolumeCapabilitiesResponse, error) {
	if err := d.require(Controller); err != nil {
		return nil, err
	}
	if len(r.GetVolumeCapabilities()) == 0 {
		return nil, invalid("volume capabilities are required")
	}
	v, err := d.volume(r.GetVolumeId())
	if err == nil {
		err = d.checkVolumeContext(v.ID, r.GetVolumeContext())
	}
	if err != nil {
		return nil, err
	}
	for _, c := range r.GetVolumeCapabilities() {
		if err := d.check(c); err != nil {
			return &csi.ValidateVolumeCapabilitiesResponse{Message: status.Convert(err).Message()}, nil
		}
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: r.GetVolumeContext(), VolumeCapabilities: r.GetVolumeCapabilities(),
		Parameters: r.GetParameters(), MutableParameters: r.GetMutableParameters()}}, nil
}

// GetCapacity returns the free space of the plugin's directory.
func (d *Driver) GetCapacity(context.Context, *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	if err := d.require(List); err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(d.Dir, &st); err != nil {
		return nil, internal(err)
	}
	return &csi.GetCapacityResponse{AvailableCapacity: int64(st.Bavail) * st.Bsize}, nil
}

// ControllerGetVolume returns a volume.
func (d *Driver) ControllerGetVolume(_ context.Context, r *csi.ControllerGetVolumeRequest) (
	*csi.ControllerGetVolumeResponse, error) {
	if err := d.require(Get); err != nil {
		return nil, err
	}
	v, err := d.volume(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	return &csi.ControllerGetVolumeResponse{Volume: d.answer(v),
		Status: &csi.ControllerGetVolumeResponse_VolumeStatus{PublishedNodeIds: v.nodes()}}, nil
}

// ControllerModifyVolume changes the parameter "tier".
func (d *Driver) ControllerModifyVolume(_ context.Context, r *csi.ControllerModifyVolumeRequest) (
	*csi.ControllerModifyVolumeResponse, error) {
	if err := d.require(Modify); err != nil {
		return nil, err
	}
	v, err := d.volume(r.GetVolumeId())
	if err == nil {
		err = d.checkMutable(r.GetMutableParameters())
	}
	if err != nil {
		return nil, err
	}
	v.Mutable = r.GetMutableParameters()
	return &csi.ControllerModifyVolumeResponse{}, d.save(v)
}

func (v *volume) nodes() []string {
	if v.Attached == nil {
		return nil
	}
	return []string{v.Attached.Node}
}
