package rpc

import (
	"context"
	"fmt"
	"maps"
	"time"

	pb "github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/mctr/mctr/csi"
)

// capability returns the volume_capability of all calls about a volume.
func capability(r *csi.Record) *pb.VolumeCapability {
	out := &pb.VolumeCapability{AccessMode: &pb.VolumeCapability_AccessMode{
		Mode: pb.VolumeCapability_AccessMode_Mode(r.SentMode.Number())}}
	if r.Volume.IsBlock() {
		out.AccessType = &pb.VolumeCapability_Block{Block: &pb.VolumeCapability_BlockVolume{}}
		return out
	}
	out.AccessType = &pb.VolumeCapability_Mount{Mount: &pb.VolumeCapability_MountVolume{FsType: r.Volume.Filesystem,
		MountFlags: r.Volume.MountFlags, VolumeMountGroup: r.Volume.MountGroup}}
	return out
}

// sizeRange returns a capacity range, nil if it has no limits.
func sizeRange(s csi.Size) *pb.CapacityRange {
	if s == (csi.Size{}) {
		return nil
	}
	return &pb.CapacityRange{RequiredBytes: s.Required, LimitBytes: s.Limit}
}

func topologies(list []csi.Segments) (out []*pb.Topology) {
	for _, segments := range list {
		out = append(out, &pb.Topology{Segments: segments})
	}
	return out
}

func contentSource(s *csi.Source) *pb.VolumeContentSource {
	switch {
	case s == nil:
		return nil
	case s.SnapshotID != "":
		return &pb.VolumeContentSource{Type: &pb.VolumeContentSource_Snapshot{
			Snapshot: &pb.VolumeContentSource_SnapshotSource{SnapshotId: s.SnapshotID}}}
	}
	return &pb.VolumeContentSource{Type: &pb.VolumeContentSource_Volume{
		Volume: &pb.VolumeContentSource_VolumeSource{VolumeId: s.VolumeID}}}
}

// Create makes the volume of a record and adds to the record what the plugin says of it. The request
// follows from the record alone, so that it can be repeated. It fails if the answer lacks the source of
// the volume's content, or its size.
func (c *Conn) Create(ctx context.Context, r *csi.Record, name string) error {
	v := &r.Volume
	request := &pb.CreateVolumeRequest{Name: name, CapacityRange: sizeRange(v.Size),
		VolumeCapabilities: []*pb.VolumeCapability{capability(r)}, Parameters: v.Parameters,
		MutableParameters: v.Mutable,
		Secrets:           c.secrets["CreateVolume"], VolumeContentSource: contentSource(v.Source)}
	if len(v.Requisite)+len(v.Preferred) > 0 {
		request.AccessibilityRequirements = &pb.TopologyRequirement{Requisite: topologies(v.Requisite),
			Preferred: topologies(v.Preferred)}
	}
	answer, err := call(ctx, c, "CreateVolume", c.controller.CreateVolume, request)
	if err != nil {
		return err
	}
	made := answer.GetVolume()
	bad := func(format string, args ...any) error {
		return &csi.Error{Kind: csi.KindPlugin, Call: "CreateVolume", Unknown: true,
			Message: fmt.Sprintf(format, args...)}
	}
	from, want := made.GetContentSource(), request.GetVolumeContentSource()
	switch {
	case made.GetVolumeId() == "":
		return bad("the answer has no volume id")
	case from.GetSnapshot().GetSnapshotId() != want.GetSnapshot().GetSnapshotId(),
		from.GetVolume().GetVolumeId() != want.GetVolume().GetVolumeId():
		return bad("the volume's content is not from %v", want)
	case made.GetCapacityBytes() != 0 && (made.GetCapacityBytes() < v.Size.Required ||
		v.Size.Limit > 0 && made.GetCapacityBytes() > v.Size.Limit):
		return bad("the volume has %d bytes: want %d to %d", made.GetCapacityBytes(), v.Size.Required, v.Size.Limit)
	}
	r.ID, r.Bytes, r.Context, r.Reachable = made.GetVolumeId(), made.GetCapacityBytes(), made.GetVolumeContext(), nil
	for _, t := range made.GetAccessibleTopology() {
		r.Reachable = append(r.Reachable, t.GetSegments())
	}
	return nil
}

// Delete deletes the volume of a record.
func (c *Conn) Delete(ctx context.Context, r *csi.Record) error {
	_, err := call(ctx, c, "DeleteVolume", c.controller.DeleteVolume,
		&pb.DeleteVolumeRequest{VolumeId: r.ID, Secrets: c.secrets["DeleteVolume"]})
	return err
}

// Validate fails unless the plugin confirms that the volume can be used as its record says.
func (c *Conn) Validate(ctx context.Context, r *csi.Record) error {
	answer, err := call(ctx, c, "ValidateVolumeCapabilities", c.controller.ValidateVolumeCapabilities,
		&pb.ValidateVolumeCapabilitiesRequest{VolumeId: r.ID, VolumeContext: r.Context, Parameters: r.Volume.Parameters,
			VolumeCapabilities: []*pb.VolumeCapability{capability(r)},
			Secrets:            c.secrets["ValidateVolumeCapabilities"]})
	if err != nil {
		return err
	}
	if answer.GetConfirmed() == nil || len(answer.GetConfirmed().GetVolumeCapabilities()) == 0 {
		return &csi.Error{Kind: csi.KindInvalid, Call: "ValidateVolumeCapabilities",
			Message: "the plugin does not confirm this use of the volume: " +
				c.scrub(answer.GetMessage(), "ValidateVolumeCapabilities")}
	}
	return nil
}

// ControllerPublish attaches the volume to the node of the record's attachment, and adds the context
// that the node needs.
func (c *Conn) ControllerPublish(ctx context.Context, r *csi.Record) error {
	answer, err := call(ctx, c, "ControllerPublishVolume", c.controller.ControllerPublishVolume,
		&pb.ControllerPublishVolumeRequest{VolumeId: r.ID, NodeId: r.Attachment.Node, VolumeCapability: capability(r),
			Readonly: r.Attachment.Readonly, VolumeContext: r.Context, Secrets: c.secrets["ControllerPublishVolume"]})
	if err == nil {
		r.Attachment.Context = answer.GetPublishContext()
	}
	return err
}

// ControllerUnpublish undoes ControllerPublish.
func (c *Conn) ControllerUnpublish(ctx context.Context, r *csi.Record) error {
	_, err := call(ctx, c, "ControllerUnpublishVolume", c.controller.ControllerUnpublishVolume,
		&pb.ControllerUnpublishVolumeRequest{VolumeId: r.ID, NodeId: r.Attachment.Node,
			Secrets: c.secrets["ControllerUnpublishVolume"]})
	return err
}

// publishContext returns the context of the attachment, nil if there is none.
func publishContext(r *csi.Record) map[string]string {
	if r.Attachment == nil {
		return nil
	}
	return r.Attachment.Context
}

// Stage stages the volume at the path of its record.
func (c *Conn) Stage(ctx context.Context, r *csi.Record) error {
	_, err := call(ctx, c, "NodeStageVolume", c.node.NodeStageVolume, &pb.NodeStageVolumeRequest{VolumeId: r.ID,
		PublishContext: publishContext(r), StagingTargetPath: r.Staging.Path, VolumeCapability: capability(r),
		Secrets: c.secrets["NodeStageVolume"], VolumeContext: r.Context})
	return err
}

// Unstage undoes Stage.
func (c *Conn) Unstage(ctx context.Context, r *csi.Record) error {
	_, err := call(ctx, c, "NodeUnstageVolume", c.node.NodeUnstageVolume,
		&pb.NodeUnstageVolumeRequest{VolumeId: r.ID, StagingTargetPath: r.Staging.Path})
	return err
}

// stagingPath returns where the volume is staged, "" if it is not.
func stagingPath(r *csi.Record) string {
	if r.Staging == nil {
		return ""
	}
	return r.Staging.Path
}

// NodePublish publishes the volume at the target of one of its record's references.
func (c *Conn) NodePublish(ctx context.Context, r *csi.Record, to *csi.Reference) error {
	_, err := call(ctx, c, "NodePublishVolume", c.node.NodePublishVolume, &pb.NodePublishVolumeRequest{VolumeId: r.ID,
		PublishContext: publishContext(r), StagingTargetPath: stagingPath(r), TargetPath: to.Target,
		VolumeCapability: capability(r), Readonly: to.Readonly, Secrets: c.secrets["NodePublishVolume"],
		VolumeContext: r.Context})
	return err
}

// NodeUnpublish undoes NodePublish.
func (c *Conn) NodeUnpublish(ctx context.Context, r *csi.Record, target string) error {
	_, err := call(ctx, c, "NodeUnpublishVolume", c.node.NodeUnpublishVolume,
		&pb.NodeUnpublishVolumeRequest{VolumeId: r.ID, TargetPath: target})
	return err
}

// ControllerExpand makes the volume larger. It returns the new size, and whether the node has to do its
// part.
func (c *Conn) ControllerExpand(ctx context.Context, r *csi.Record, size csi.Size) (bytes int64, node bool, err error) {
	answer, err := call(ctx, c, "ControllerExpandVolume", c.controller.ControllerExpandVolume,
		&pb.ControllerExpandVolumeRequest{VolumeId: r.ID, CapacityRange: sizeRange(size),
			VolumeCapability: capability(r), Secrets: c.secrets["ControllerExpandVolume"]})
	if err == nil && answer.GetCapacityBytes() < size.Required {
		err = &csi.Error{Kind: csi.KindPlugin, Call: "ControllerExpandVolume", Unknown: true,
			Message: fmt.Sprintf("the volume has %d bytes: want %d", answer.GetCapacityBytes(), size.Required)}
	}
	return answer.GetCapacityBytes(), answer.GetNodeExpansionRequired(), err
}

// NodeExpand does the node's part of an expansion, for a volume that is available at path.
func (c *Conn) NodeExpand(ctx context.Context, r *csi.Record, path string, size csi.Size) error {
	_, err := call(ctx, c, "NodeExpandVolume", c.node.NodeExpandVolume, &pb.NodeExpandVolumeRequest{VolumeId: r.ID,
		VolumePath: path, CapacityRange: sizeRange(size), StagingTargetPath: stagingPath(r),
		VolumeCapability: capability(r), Secrets: c.secrets["NodeExpandVolume"]})
	return err
}

// Modify changes the volume's mutable parameters.
func (c *Conn) Modify(ctx context.Context, r *csi.Record, mutable map[string]string) error {
	_, err := call(ctx, c, "ControllerModifyVolume", c.controller.ControllerModifyVolume,
		&pb.ControllerModifyVolumeRequest{VolumeId: r.ID,
			Secrets: c.secrets["ControllerModifyVolume"], MutableParameters: maps.Clone(mutable)})
	return err
}

// snapshotInfo returns a snapshot as records have it.
func snapshotInfo(s *pb.Snapshot) csi.SnapshotInfo {
	out := csi.SnapshotInfo{ID: s.GetSnapshotId(), VolumeID: s.GetSourceVolumeId(), Bytes: s.GetSizeBytes(),
		Ready: s.GetReadyToUse(), GroupID: s.GetGroupSnapshotId()}
	if s.GetCreationTime() != nil {
		out.Created = s.GetCreationTime().AsTime().Truncate(time.Microsecond)
	}
	return out
}
