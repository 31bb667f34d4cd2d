package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	pb "github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc/plugintest"
)

// decided returns a host whose plugin answers as the test decides.
func decided(t *testing.T, answers map[string]plugintest.Answer) (*host, *plugintest.Plugin) {
	t.Helper()
	p := plugintest.Start(t, answers)
	return &host{t: t, root: t.TempDir(), plugin: csi.Plugin{Name: plugintest.Name, Socket: p.Socket}}, p
}

// capable answers GetPluginCapabilities.
func capable(capabilities ...*pb.PluginCapability) plugintest.Answer {
	return plugintest.Always(&pb.GetPluginCapabilitiesResponse{Capabilities: capabilities})
}

func service(kind pb.PluginCapability_Service_Type) *pb.PluginCapability {
	return &pb.PluginCapability{Type: &pb.PluginCapability_Service_{Service: &pb.PluginCapability_Service{Type: kind}}}
}

// TestExpandOnline expands a volume that is in use: by the controller, and then on the node.
func TestExpandOnline(t *testing.T) {
	h, p := decided(t, map[string]plugintest.Answer{
		"GetPluginCapabilities": capable(service(pb.PluginCapability_Service_CONTROLLER_SERVICE),
			&pb.PluginCapability{Type: &pb.PluginCapability_VolumeExpansion_{
				VolumeExpansion: &pb.PluginCapability_VolumeExpansion{
					Type: pb.PluginCapability_VolumeExpansion_ONLINE}}}),
		"ControllerGetCapabilities": plugintest.Always(&pb.ControllerGetCapabilitiesResponse{
			Capabilities: []*pb.ControllerServiceCapability{{Type: &pb.ControllerServiceCapability_Rpc{
				Rpc: &pb.ControllerServiceCapability_RPC{Type: pb.ControllerServiceCapability_RPC_EXPAND_VOLUME}}}}}),
		"NodeGetCapabilities": plugintest.Always(&pb.NodeGetCapabilitiesResponse{
			Capabilities: []*pb.NodeServiceCapability{{Type: &pb.NodeServiceCapability_Rpc{
				Rpc: &pb.NodeServiceCapability_RPC{Type: pb.NodeServiceCapability_RPC_EXPAND_VOLUME}}}}}),
		"ControllerExpandVolume": plugintest.Always(&pb.ControllerExpandVolumeResponse{CapacityBytes: 60,
			NodeExpansionRequired: true}),
		"NodeExpandVolume": plugintest.Always(&pb.NodeExpandVolumeResponse{}),
	})
	v := csi.Volume{Plugin: plugintest.Name, Name: "data", ID: "v1"}
	boot, err := csi.Boot()
	if err != nil {
		t.Fatal(err)
	}
	store := csi.NewStore(h.root)
	lock, err := store.Lock(t.Context(), v.Key())
	if err != nil {
		t.Fatal(err)
	}
	r := &csi.Record{Boot: boot, Volume: v, ID: "v1", Bytes: 10, SentMode: csi.SingleNodeWriter,
		Staging: &csi.Staging{Step: csi.Done, Path: "/staging"}, References: map[mctr.ContainerID]*csi.Reference{
			"one": {Step: csi.Done, Target: "/target", Since: time.Now()}}}
	if err := store.Write(r, false); err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	if r := h.must(csi.VerbExpand, of(v), size(50)).Record; r.Bytes != 60 || r.Expansion != nil {
		t.Errorf("%+v", r)
	}
	calls := p.Calls("NodeExpandVolume")
	if len(calls) != 1 {
		t.Fatalf("%v", calls)
	}
	request, _ := calls[0].Request.(*pb.NodeExpandVolumeRequest)
	if request.GetVolumePath() != "/staging" || request.GetStagingTargetPath() != "/staging" ||
		request.GetCapacityRange().GetRequiredBytes() != 50 {
		t.Errorf("%v", request)
	}
}

// TestGroupSnapshot cuts a group of snapshots by one call, and deletes it by one.
func TestGroupSnapshot(t *testing.T) {
	group := &pb.VolumeGroupSnapshot{GroupSnapshotId: "g", ReadyToUse: true, Snapshots: []*pb.Snapshot{
		{SnapshotId: "s1", SourceVolumeId: "v1", GroupSnapshotId: "g"},
		{SnapshotId: "s2", SourceVolumeId: "v2", GroupSnapshotId: "g"}}}
	h, p := decided(t, map[string]plugintest.Answer{
		"GetPluginCapabilities": capable(service(pb.PluginCapability_Service_GROUP_CONTROLLER_SERVICE)),
		"GroupControllerGetCapabilities": plugintest.Always(&pb.GroupControllerGetCapabilitiesResponse{
			Capabilities: []*pb.GroupControllerServiceCapability{{Type: &pb.GroupControllerServiceCapability_Rpc{
				Rpc: &pb.GroupControllerServiceCapability_RPC{
					Type: pb.GroupControllerServiceCapability_RPC_CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT}}}}}),
		"CreateVolumeGroupSnapshot": plugintest.Always(&pb.CreateVolumeGroupSnapshotResponse{GroupSnapshot: group}),
		"DeleteVolumeGroupSnapshot": plugintest.Always(&pb.DeleteVolumeGroupSnapshotResponse{}),
	})
	cut := func(r *csi.Request) {
		r.Volume = nil
		r.Snapshot = &csi.Snapshot{Name: "night", Group: true, VolumeIDs: []string{"v1", "v2"},
			Parameters: map[string]string{"a": "b"}}
	}
	if s := h.must(csi.VerbSnapshot, cut).Snapshot; s.ID != "g" || len(s.Cut) != 2 || s.Cut[0].GroupID != "g" {
		t.Errorf("%+v", s)
	}
	h.must(csi.VerbDeleteSnapshot, cut)
	made, _ := p.Calls("CreateVolumeGroupSnapshot")[0].Request.(*pb.CreateVolumeGroupSnapshotRequest)
	if !slices.Equal(made.GetSourceVolumeIds(), []string{"v1", "v2"}) || made.GetParameters()["a"] != "b" {
		t.Errorf("%v", made)
	}
	if n := len(p.Calls("DeleteVolumeGroupSnapshot")); n != 1 {
		t.Errorf("deleted by %d calls", n)
	}
}
