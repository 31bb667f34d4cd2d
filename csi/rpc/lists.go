package rpc

import (
	"context"
	"fmt"

	pb "github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/mctr/mctr/csi"
)

// pageSize is how many entries one call asks for, and restarts how often a list may begin again.
const (
	pageSize = 500
	restarts = 3
)

// pages calls get with token after token until there is none. A token that the plugin does not know any
// more (ABORTED) begins the list again.
func pages[T any](get func(token string) (entries []T, next string, err error)) (all []T, err error) {
	seen := map[string]bool{}
	for token, again := "", 0; ; {
		entries, next, err := get(token)
		switch {
		case IsKind(err, csi.KindPending) && token != "" && again < restarts:
			token, all, seen, again = "", nil, map[string]bool{}, again+1
			continue
		case err != nil:
			return nil, err
		}
		all = append(all, entries...)
		if next == "" {
			return all, nil
		}
		if seen[next] {
			return nil, &csi.Error{Kind: csi.KindPlugin,
				Message: fmt.Sprintf("the token %q comes twice: the list has no end", next)}
		}
		seen[next], token = true, next
	}
}

// listCall makes one try of a call: for lists, ABORTED is about the token.
func listCall[A any](ctx context.Context, c *Conn, name string, f func(context.Context) (A, error)) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	answer, err := f(ctx)
	if err != nil {
		var none A
		return none, c.asError(name, err)
	}
	return answer, nil
}

// ListVolumes lists all volumes of the plugin.
func (c *Conn) ListVolumes(ctx context.Context) ([]csi.VolumeInfo, error) {
	return pages(func(token string) (list []csi.VolumeInfo, next string, err error) {
		r, err := listCall(ctx, c, "ListVolumes", func(ctx context.Context) (*pb.ListVolumesResponse, error) {
			return c.controller.ListVolumes(ctx, &pb.ListVolumesRequest{MaxEntries: pageSize, StartingToken: token})
		})
		for _, e := range r.GetEntries() {
			list = append(list, csi.VolumeInfo{ID: e.GetVolume().GetVolumeId(), Bytes: e.GetVolume().GetCapacityBytes(),
				Context: e.GetVolume().GetVolumeContext(), Nodes: e.GetStatus().GetPublishedNodeIds()})
		}
		return list, r.GetNextToken(), err
	})
}

// ListSnapshots lists all snapshots of the plugin.
func (c *Conn) ListSnapshots(ctx context.Context) ([]csi.SnapshotInfo, error) {
	return pages(func(token string) (list []csi.SnapshotInfo, next string, err error) {
		r, err := listCall(ctx, c, "ListSnapshots", func(ctx context.Context) (*pb.ListSnapshotsResponse, error) {
			return c.controller.ListSnapshots(ctx, &pb.ListSnapshotsRequest{MaxEntries: pageSize, StartingToken: token,
				Secrets: c.secrets["ListSnapshots"]})
		})
		for _, e := range r.GetEntries() {
			list = append(list, snapshotInfo(e.GetSnapshot()))
		}
		return list, r.GetNextToken(), err
	})
}

// Capacity returns how much space the plugin has for volumes of any kind.
func (c *Conn) Capacity(ctx context.Context) (*csi.Capacity, error) {
	r, err := call(ctx, c, "GetCapacity", c.controller.GetCapacity, &pb.GetCapacityRequest{})
	if err != nil {
		return nil, err
	}
	return &csi.Capacity{Available: r.GetAvailableCapacity(), Largest: r.GetMaximumVolumeSize().GetValue(),
		Smallest: r.GetMinimumVolumeSize().GetValue()}, nil
}
