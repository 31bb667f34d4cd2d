package loopdriver

import (
	"context"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ListVolumes returns a page of all volumes.
func (d *Driver) ListVolumes(_ context.Context, r *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	if err := d.require(List); err != nil {
		return nil, err
	}
	ids, err := d.ids("volumes")
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(ids, r.GetStartingToken(), r.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	out := &csi.ListVolumesResponse{NextToken: next}
	for _, id := range page {
		v, err := d.volume(id)
		if err != nil {
			continue // deleted meanwhile
		}
		out.Entries = append(out.Entries, &csi.ListVolumesResponse_Entry{Volume: d.answer(v),
			Status: &csi.ListVolumesResponse_VolumeStatus{PublishedNodeIds: v.nodes()}})
	}
	return out, nil
}

// tokenPrefix begins every token; the last id of the page follows.
const tokenPrefix = "after:"

// pageOf returns the ids of a page, and the token of the next, "" if it is the last.
func pageOf(ids []string, token string, most int32) (page []string, next string, err error) {
	if most < 0 {
		return nil, "", invalid("max_entries must not be negative")
	}
	if token != "" {
		last, ok := strings.CutPrefix(token, tokenPrefix)
		if !ok {
			return nil, "", status.Errorf(codes.Aborted, "token %q is not valid", token)
		}
		i, found := slices.BinarySearch(ids, last)
		if found {
			i++
		}
		ids = ids[i:]
	}
	if most == 0 || len(ids) <= int(most) {
		return ids, "", nil
	}
	return ids[:most], tokenPrefix + ids[most-1], nil
}

// ListSnapshots returns a page of the snapshots, or of those with an id or a source.
func (d *Driver) ListSnapshots(_ context.Context, r *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	if err := d.require(Snapshot); err != nil {
		return nil, err
	}
	if err := d.require(List); err != nil {
		return nil, err
	}
	ids, err := d.ids("snapshots")
	if err != nil {
		return nil, err
	}
	found := map[string]*snapshot{}
	ids = slices.DeleteFunc(ids, func(id string) bool {
		s, err := d.snapshot(id)
		found[id] = s
		return err != nil || r.GetSnapshotId() != "" && id != r.GetSnapshotId() ||
			r.GetSourceVolumeId() != "" && s.Volume != r.GetSourceVolumeId()
	})
	page, next, err := pageOf(ids, r.GetStartingToken(), r.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	out := &csi.ListSnapshotsResponse{NextToken: next}
	for _, id := range page {
		out.Entries = append(out.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: found[id].answer()})
	}
	return out, nil
}
