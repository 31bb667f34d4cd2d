package loopdriver

import (
	"context"
	"maps"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mctr/mctr/internal/dirs"
)

// The sizes of volumes in bytes.
const (
	smallest = 4 << 20
	usual    = 16 << 20 // if no size is asked for
	largest  = 1 << 40
)

// segment is the key of the node's only topological segment.
const segment = "topology." + Name + "/node"

// CreateVolume makes a volume: empty, or from a snapshot or a volume.
func (d *Driver) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	wanted, err := d.plan(r)
	if err != nil {
		return nil, err
	}
	v, err := d.volume(wanted.ID)
	switch {
	case status.Code(err) == codes.NotFound:
		v = wanted
		err = d.save(v) // the record is first: DeleteVolume finds what a cut off call has made
	case err == nil && !compatible(v, wanted, r.GetCapacityRange()):
		err = status.Errorf(codes.AlreadyExists, "volume %q exists with %d bytes and other properties", r.GetName(),
			v.Bytes)
	}
	if err == nil && !v.Complete {
		err = d.writeContent(v)
	}
	if err != nil {
		return nil, internal(err)
	}
	return &csi.CreateVolumeResponse{Volume: d.answer(v)}, nil
}

// plan returns the record of the volume that a request asks for.
func (d *Driver) plan(r *csi.CreateVolumeRequest) (*volume, error) {
	if err := d.require(Create); err != nil {
		return nil, err
	}
	v := &volume{ID: idOf(r.GetName()), Name: r.GetName(), Parameters: r.GetParameters(),
		Mutable: r.GetMutableParameters()}
	if r.GetName() == "" || len(r.GetVolumeCapabilities()) == 0 {
		return nil, invalid("name and volume capabilities are required")
	}
	for _, c := range r.GetVolumeCapabilities() {
		if err := d.check(c); err != nil {
			return nil, err
		}
	}
	if err := d.checkMutable(r.GetMutableParameters()); err != nil {
		return nil, err
	}
	least, err := d.source(v, r.GetVolumeContentSource())
	if err != nil {
		return nil, err
	}
	if v.Bytes, err = sizeOf(r.GetCapacityRange(), least); err != nil {
		return nil, err
	}
	return v, d.reachable(r.GetAccessibilityRequirements())
}

// source notes where the content of v is to come from, and returns its size in bytes.
func (d *Driver) source(v *volume, from *csi.VolumeContentSource) (int64, error) {
	switch {
	case from.GetSnapshot() != nil:
		if err := d.require(Snapshot); err != nil {
			return 0, err
		}
		s, err := d.snapshot(from.GetSnapshot().GetSnapshotId())
		if err != nil {
			return 0, err
		}
		v.FromID, v.Filesystem = s.ID, s.Filesystem
		return s.Bytes, nil
	case from.GetVolume() != nil:
		if err := d.require(Clone); err != nil {
			return 0, err
		}
		other, err := d.volume(from.GetVolume().GetVolumeId())
		if err != nil {
			return 0, err
		}
		v.FromID, v.FromVolume, v.Filesystem = other.ID, true, other.Filesystem
		return other.Bytes, nil
	}
	return 0, nil
}

// sizeOf returns the size for a capacity range, at least that of the volume's source.
func sizeOf(r *csi.CapacityRange, least int64) (int64, error) {
	required, limit := r.GetRequiredBytes(), r.GetLimitBytes()
	if required < 0 || limit < 0 || limit > 0 && required > limit {
		return 0, invalid("capacity range %d to %d is not valid", required, limit)
	}
	size := max(required, least, smallest)
	if required == 0 && least == 0 {
		size = usual
	}
	if required == 0 && limit > 0 {
		size = max(min(size, limit), least, smallest)
	}
	if size > largest || limit > 0 && size > limit {
		return 0, status.Errorf(codes.OutOfRange, "a size of %d to %d bytes is out of range %d to %d", required, limit,
			max(least, smallest), int64(largest))
	}
	return size, nil
}

func (d *Driver) checkMutable(parameters map[string]string) error {
	if len(parameters) > 0 && !d.has(Modify) {
		return invalid("this plugin has no mutable parameters")
	}
	for name := range parameters {
		if name != "tier" {
			return invalid("mutable parameter %q is not supported: want tier", name)
		}
	}
	return nil
}

// reachable refuses a volume that has to be accessible from other nodes only.
func (d *Driver) reachable(r *csi.TopologyRequirement) error {
	if !d.has(Topology) && r != nil {
		return invalid("this plugin has no accessibility constraints")
	}
	for _, t := range r.GetRequisite() {
		if t.GetSegments()[segment] == d.Node {
			return nil
		}
	}
	if len(r.GetRequisite()) == 0 {
		return nil
	}
	return status.Errorf(codes.ResourceExhausted, "volumes are accessible from node %s only", d.Node)
}

func compatible(have, want *volume, r *csi.CapacityRange) bool {
	return have.Bytes >= r.GetRequiredBytes() && (r.GetLimitBytes() == 0 || have.Bytes <= r.GetLimitBytes()) &&
		have.FromID == want.FromID && have.FromVolume == want.FromVolume && maps.Equal(have.Parameters, want.Parameters)
}

// writeContent gives the image its content and completes the record.
func (d *Driver) writeContent(v *volume) error {
	if d.Bind {
		if err := dirs.MakeAll(d.image(v.ID), 0o755); err != nil {
			return err
		}
		v.Complete = true
		return d.save(v)
	}
	if v.FromID != "" {
		from := d.snapshotImage(v.FromID)
		if v.FromVolume {
			from = d.image(v.FromID)
			if err := d.flush(v.FromID); err != nil {
				return err
			}
		}
		if err := copyImage(from, d.image(v.ID)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(d.image(v.ID), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(v.Bytes); err != nil {
		return err
	}
	v.Complete = true
	return d.save(v)
}

// flush writes what the volume's mounted filesystem has in memory to the image.
func (d *Driver) flush(id string) error {
	v, err := d.volume(id)
	if err != nil || v.Staged == nil {
		return err
	}
	f, err := os.Open(v.Staged.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// answer returns a volume as CSI describes it.
func (d *Driver) answer(v *volume) *csi.Volume {
	out := &csi.Volume{VolumeId: v.ID, CapacityBytes: v.Bytes, VolumeContext: volumeContext(v.ID)}
	switch {
	case v.FromVolume:
		out.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
			Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: v.FromID}}}
	case v.FromID != "":
		out.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
			Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: v.FromID}}}
	}
	if d.has(Topology) {
		out.AccessibleTopology = []*csi.Topology{{Segments: map[string]string{segment: d.Node}}}
	}
	return out
}
