package loopdriver

import (
	"context"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ControllerExpandVolume makes a volume's image larger. Without online expansion it refuses a volume
// with a filesystem that is in use.
func (d *Driver) ControllerExpandVolume(_ context.Context, r *csi.ControllerExpandVolumeRequest) (
	*csi.ControllerExpandVolumeResponse, error) {
	if err := d.require(Expand); err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" || r.GetCapacityRange() == nil {
		return nil, invalid("volume id and capacity range are required")
	}
	v, err := d.volume(r.GetVolumeId())
	if err == nil {
		err = d.dropStale(v)
	}
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(r.GetCapacityRange(), v.Bytes)
	switch {
	case err != nil:
		return nil, err
	case size == v.Bytes:
	case v.Staged != nil && v.Filesystem > 0 && !canGrowOnline():
		return nil, status.Errorf(codes.FailedPrecondition,
			"volume %s is in use, and a mounted filesystem cannot grow without CAP_SYS_RESOURCE", v.ID)
	default:
		if err := os.Truncate(d.image(v.ID), size); err != nil {
			return nil, internal(err)
		}
		v.Bytes = size
		if err := d.save(v); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: v.Bytes, NodeExpansionRequired: true}, nil
}

// NodeExpandVolume tells the kernel that the image has grown, and grows the filesystem that is
// mounted, unless staging has done so.
func (d *Driver) NodeExpandVolume(_ context.Context, r *csi.NodeExpandVolumeRequest) (
	*csi.NodeExpandVolumeResponse, error) {
	if err := d.require(Expand); err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" || r.GetVolumePath() == "" {
		return nil, invalid("volume id and volume path are required")
	}
	v, err := d.at(r.GetVolumeId(), r.GetVolumePath())
	if err != nil {
		return nil, err
	}
	if r.GetCapacityRange().GetRequiredBytes() > v.Bytes {
		return nil, status.Errorf(codes.OutOfRange, "volume %s has %d bytes: expand it by the controller first", v.ID,
			v.Bytes)
	}
	if err := growLoop(d.image(v.ID)); err != nil {
		return nil, internal(err)
	}
	if v.Filesystem > 0 && v.Filesystem < v.Bytes {
		if err := d.growMounted(v); err != nil {
			return nil, err
		}
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: v.Bytes}, nil
}

func (d *Driver) growMounted(v *volume) error {
	if !canGrowOnline() {
		return status.Errorf(codes.FailedPrecondition,
			"volume %s is mounted, and a mounted filesystem cannot grow without CAP_SYS_RESOURCE", v.ID)
	}
	device, err := findLoop(d.image(v.ID), false)
	if err == nil {
		err = run("resize2fs", device)
	}
	if err != nil {
		return internal(err)
	}
	v.Filesystem = v.Bytes
	return d.save(v)
}
