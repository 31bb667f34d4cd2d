package loopdriver

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mctr/mctr/internal/atomicfile"
)

// CreateSnapshot copies a volume's image. The snapshot is ready after Options.Cutting calls.
func (d *Driver) CreateSnapshot(_ context.Context, r *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if err := d.require(Snapshot); err != nil {
		return nil, err
	}
	if r.GetName() == "" || r.GetSourceVolumeId() == "" {
		return nil, invalid("name and source volume id are required")
	}
	s, err := d.snapshot(idOf(r.GetName()))
	switch {
	case status.Code(err) == codes.NotFound:
		s, err = d.planSnapshot(r)
	case err == nil && s.Volume != r.GetSourceVolumeId():
		err = status.Errorf(codes.AlreadyExists, "snapshot %q exists, of volume %s", s.Name, s.Volume)
	}
	if err != nil {
		return nil, err
	}
	if !s.Complete {
		if err := errors.Join(d.flush(s.Volume), copyImage(d.image(s.Volume), d.snapshotImage(s.ID))); err != nil {
			return nil, internal(err)
		}
		s.Complete = true
	}
	out := s.answer()
	s.Cutting = max(0, s.Cutting-1)
	return &csi.CreateSnapshotResponse{Snapshot: out}, d.saveSnapshot(s)
}

// planSnapshot writes the record of a snapshot that is yet to be cut.
func (d *Driver) planSnapshot(r *csi.CreateSnapshotRequest) (*snapshot, error) {
	v, err := d.volume(r.GetSourceVolumeId())
	if err != nil {
		return nil, err
	}
	s := &snapshot{ID: idOf(r.GetName()), Name: r.GetName(), Volume: v.ID, Bytes: v.Bytes, Filesystem: v.Filesystem,
		Created: time.Now(), Cutting: d.Cutting}
	return s, d.saveSnapshot(s)
}

func (d *Driver) saveSnapshot(s *snapshot) error {
	return internal(atomicfile.WriteJSON(d.recordPath("snapshots", s.ID), s))
}

// DeleteSnapshot removes a snapshot.
func (d *Driver) DeleteSnapshot(_ context.Context, r *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if err := d.require(Snapshot); err != nil {
		return nil, err
	}
	s, err := d.snapshot(r.GetSnapshotId())
	if status.Code(err) == codes.NotFound {
		return &csi.DeleteSnapshotResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(d.snapshotImage(s.ID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, internal(err)
	}
	return &csi.DeleteSnapshotResponse{}, internal(os.Remove(d.recordPath("snapshots", s.ID)))
}

// GetSnapshot returns a snapshot.
func (d *Driver) GetSnapshot(_ context.Context, r *csi.GetSnapshotRequest) (*csi.GetSnapshotResponse, error) {
	if err := d.require(Get); err != nil {
		return nil, err
	}
	s, err := d.snapshot(r.GetSnapshotId())
	if err != nil {
		return nil, err
	}
	return &csi.GetSnapshotResponse{Snapshot: s.answer()}, nil
}

func (s *snapshot) answer() *csi.Snapshot {
	return &csi.Snapshot{SnapshotId: s.ID, SourceVolumeId: s.Volume, SizeBytes: s.Bytes,
		CreationTime: timestamppb.New(s.Created), ReadyToUse: s.Complete && s.Cutting == 0}
}
