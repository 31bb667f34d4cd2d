package loopdriver

import (
	"context"
	"io/fs"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NodeGetCapabilities returns the calls that the Node service has.
func (d *Driver) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (
	*csi.NodeGetCapabilitiesResponse, error) {
	r := &csi.NodeGetCapabilitiesResponse{}
	for _, c := range []struct {
		feature string
		kind    csi.NodeServiceCapability_RPC_Type
	}{
		{Stage, csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME},
		{Stats, csi.NodeServiceCapability_RPC_GET_VOLUME_STATS},
		{Expand, csi.NodeServiceCapability_RPC_EXPAND_VOLUME},
		{MultiWriter, csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER},
		{Group, csi.NodeServiceCapability_RPC_VOLUME_MOUNT_GROUP},
		{Health, csi.NodeServiceCapability_RPC_GET_VOLUME_HEALTH},
		{Health, csi.NodeServiceCapability_RPC_GET_STORAGE_HEALTH},
	} {
		if d.has(c.feature) {
			r.Capabilities = append(r.Capabilities, &csi.NodeServiceCapability{
				Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: c.kind}}})
		}
	}
	return r, nil
}

// NodeGetInfo returns the node's id, limit and segment.
func (d *Driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	r := &csi.NodeGetInfoResponse{NodeId: d.Node, MaxVolumesPerNode: d.MaxVolumes}
	if d.has(Topology) {
		r.AccessibleTopology = &csi.Topology{Segments: map[string]string{segment: d.Node}}
	}
	return r, nil
}

// NodeGetVolumeStats returns the usage of a filesystem, or the size of a device.
func (d *Driver) NodeGetVolumeStats(_ context.Context, r *csi.NodeGetVolumeStatsRequest) (
	*csi.NodeGetVolumeStatsResponse, error) {
	if err := d.require(Stats); err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" || r.GetVolumePath() == "" {
		return nil, invalid("volume id and volume path are required")
	}
	v, err := d.at(r.GetVolumeId(), r.GetVolumePath())
	if err != nil {
		return nil, err
	}
	out := &csi.NodeGetVolumeStatsResponse{}
	info, err := os.Stat(r.GetVolumePath())
	if err != nil {
		return nil, internal(err)
	}
	if info.Mode()&fs.ModeDevice != 0 {
		out.Usage = []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES, Total: v.Bytes}}
	} else if out.Usage, err = usage(r.GetVolumePath()); err != nil {
		return nil, internal(err)
	}
	return out, d.addCondition(v.ID, out)
}

// at returns a volume that is staged or published at path, or NOT_FOUND.
func (d *Driver) at(id, path string) (*volume, error) {
	v, err := d.volume(id)
	if err != nil {
		return nil, err
	}
	if err := d.dropStale(v); err != nil {
		return nil, err
	}
	if _, published := v.Published[path]; !published && (v.Staged == nil || v.Staged.Path != path) {
		return nil, status.Errorf(codes.NotFound, "volume %s is not at %s", id, path)
	}
	return v, nil
}

func usage(path string) ([]*csi.VolumeUsage, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return nil, err
	}
	return []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: int64(st.Blocks) * st.Bsize, Available: int64(st.Bavail) * st.Bsize,
			Used: int64(st.Blocks-st.Bfree) * st.Bsize},
		{Unit: csi.VolumeUsage_INODES, Total: int64(st.Files), Available: int64(st.Ffree),
			Used: int64(st.Files - st.Ffree)},
	}, nil
}
