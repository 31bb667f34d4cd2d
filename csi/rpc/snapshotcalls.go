package rpc

import (
	"context"
	"fmt"
	"slices"

	pb "github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/mctr/mctr/csi"
)

// Snapshot cuts the snapshot of a record, or asks for the same again, and adds to the record what the
// plugin says of it. The snapshot may not be ready yet.
func (c *Conn) Snapshot(ctx context.Context, s *csi.Snapshot, name string) error {
	if s.Group {
		return c.groupSnapshot(ctx, s, name)
	}
	answer, err := call(ctx, c, "CreateSnapshot", c.controller.CreateSnapshot, &pb.CreateSnapshotRequest{Name: name,
		SourceVolumeId: s.VolumeIDs[0], Parameters: s.Parameters, Secrets: c.secrets["CreateSnapshot"]})
	if err != nil {
		return err
	}
	cut := snapshotInfo(answer.GetSnapshot())
	if cut.ID == "" || cut.VolumeID != s.VolumeIDs[0] {
		return &csi.Error{Kind: csi.KindPlugin, Call: "CreateSnapshot", Unknown: true,
			Message: fmt.Sprintf("the answer is about snapshot %q of volume %q", cut.ID, cut.VolumeID)}
	}
	s.ID, s.Created, s.Ready, s.Cut = cut.ID, cut.Created, cut.Ready, []csi.SnapshotInfo{cut}
	return nil
}

func (c *Conn) groupSnapshot(ctx context.Context, s *csi.Snapshot, name string) error {
	const rpc = "CreateVolumeGroupSnapshot"
	answer, err := call(ctx, c, rpc, c.group.CreateVolumeGroupSnapshot, &pb.CreateVolumeGroupSnapshotRequest{Name: name,
		SourceVolumeIds: s.VolumeIDs, Parameters: s.Parameters, Secrets: c.secrets[rpc]})
	if err != nil {
		return err
	}
	group := answer.GetGroupSnapshot()
	var cut []csi.SnapshotInfo
	var of []string
	for _, member := range group.GetSnapshots() {
		cut, of = append(cut, snapshotInfo(member)), append(of, member.GetSourceVolumeId())
	}
	want := slices.Sorted(slices.Values(s.VolumeIDs))
	if slices.Sort(of); group.GetGroupSnapshotId() == "" || !slices.Equal(of, want) {
		return &csi.Error{Kind: csi.KindPlugin, Call: rpc, Unknown: true,
			Message: fmt.Sprintf("the answer is about group %q of volumes %q: want %q",
				group.GetGroupSnapshotId(), of, want)}
	}
	s.ID, s.Ready, s.Cut = group.GetGroupSnapshotId(), group.GetReadyToUse(), cut
	s.Created = group.GetCreationTime().AsTime()
	return nil
}

// DeleteSnapshot deletes the snapshot of a record, or the group with all its snapshots.
func (c *Conn) DeleteSnapshot(ctx context.Context, s *csi.Snapshot) error {
	if !s.Group {
		_, err := call(ctx, c, "DeleteSnapshot", c.controller.DeleteSnapshot, &pb.DeleteSnapshotRequest{
			SnapshotId: s.ID, Secrets: c.secrets["DeleteSnapshot"]})
		return err
	}
	request := &pb.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: s.ID,
		Secrets: c.secrets["DeleteVolumeGroupSnapshot"]}
	for _, cut := range s.Cut {
		request.SnapshotIds = append(request.SnapshotIds, cut.ID)
	}
	_, err := call(ctx, c, "DeleteVolumeGroupSnapshot", c.group.DeleteVolumeGroupSnapshot, request)
	return err
}
