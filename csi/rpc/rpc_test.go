package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
	"github.com/mctr/mctr/csi/rpc/plugintest"
)

// connect returns a connection to a plugin with secrets for Create and Snapshot.
func connect(t *testing.T, answers map[string]plugintest.Answer) (*rpc.Conn, *plugintest.Plugin) {
	t.Helper()
	p := plugintest.Start(t, answers)
	secrets := csi.Secrets{"CreateVolume": {"key": "canary-of-create"}, "CreateSnapshot": {"key": "canary-of-snapshot"}}
	conn, err := rpc.New(p.Socket, secrets, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn, p
}

// record is that of a volume with everything that a call can carry.
func record() *csi.Record {
	return &csi.Record{ID: "v1", Context: map[string]string{"of": "volume"}, SentMode: csi.SingleNodeWriter,
		Volume:     csi.Volume{Plugin: plugintest.Name, Name: "data", Parameters: map[string]string{"a": "b"}},
		Attachment: &csi.Attachment{Node: "node-1", Context: map[string]string{"of": "attachment"}},
		Staging:    &csi.Staging{Path: "/staging"}}
}

// TestCodes answers a call with every code: the kind of the error, how often the call is made, and
// whether the outcome is known follow from the code.
func TestCodes(t *testing.T) {
	const endless = 4 // calls that are repeated as long as there is time: the fourth succeeds
	for code, want := range map[codes.Code]struct {
		kind    csi.Kind
		calls   int
		unknown bool
	}{
		codes.OK:                 {"", 1, false},
		codes.Canceled:           {"", endless, false},
		codes.Unknown:            {csi.KindPlugin, 3, true},
		codes.InvalidArgument:    {csi.KindInvalid, 1, false},
		codes.DeadlineExceeded:   {"", endless, false},
		codes.NotFound:           {csi.KindNotFound, 1, false},
		codes.AlreadyExists:      {csi.KindIncompatible, 1, false},
		codes.PermissionDenied:   {csi.KindDenied, 1, false},
		codes.ResourceExhausted:  {csi.KindExhausted, 1, false},
		codes.FailedPrecondition: {csi.KindState, 1, false},
		codes.Aborted:            {"", endless, false},
		codes.OutOfRange:         {csi.KindRange, 1, false},
		codes.Unimplemented:      {csi.KindUnsupported, 1, false},
		codes.Internal:           {csi.KindPlugin, 3, true},
		codes.Unavailable:        {"", endless, false},
		codes.DataLoss:           {csi.KindPlugin, 3, true},
		codes.Unauthenticated:    {csi.KindUnauthenticated, 1, false},
		codes.Code(99):           {csi.KindPlugin, 1, false},
	} {
		fails := endless - 1
		if code == codes.OK {
			fails = 0
		}
		c, p := connect(t, map[string]plugintest.Answer{
			"NodeStageVolume": plugintest.Fail(fails, code, plugintest.Always(&pb.NodeStageVolumeResponse{}))})
		err := c.Stage(t.Context(), record())
		e, _ := errors.AsType[*csi.Error](err)
		if e == nil {
			e = &csi.Error{}
		}
		calls := p.Calls("NodeStageVolume")
		if e.Kind != want.kind || len(calls) != want.calls || e.Unknown != want.unknown {
			t.Errorf("%v: kind %q after %d calls, unknown %t (%v); want %+v", code, e.Kind, len(calls),
				e.Unknown, err, want)
		}
		for _, call := range calls {
			if !proto.Equal(call.Request, calls[0].Request) {
				t.Errorf("%v: the call was repeated as %v, after %v", code, call.Request, calls[0].Request)
			}
		}
	}
}

// TestEnds: a call ends with its context, and its outcome is not known then, unless the plugin says that
// another one is pending.
func TestEnds(t *testing.T) {
	for code, unknown := range map[codes.Code]bool{codes.Aborted: false, codes.Unavailable: true} {
		c, p := connect(t, map[string]plugintest.Answer{"NodeStageVolume": plugintest.Fail(1000, code, nil)})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := c.Stage(ctx, record())
		cancel()
		e, ok := errors.AsType[*csi.Error](err)
		if !ok || e.Unknown != unknown || len(p.Calls("NodeStageVolume")) < 2 {
			t.Errorf("%v: %v after %d calls", code, err, len(p.Calls("NodeStageVolume")))
		}
	}
}

// TestUnknownStays: a refusal of the second try says nothing of the first.
func TestUnknownStays(t *testing.T) {
	c, _ := connect(t, map[string]plugintest.Answer{"CreateVolume": plugintest.Fail(1, codes.Unavailable,
		plugintest.Fail(1, codes.ResourceExhausted, nil))})
	err := c.Create(t.Context(), record(), "name")
	if e, ok := errors.AsType[*csi.Error](err); !ok || !e.Unknown || e.Kind != csi.KindExhausted {
		t.Errorf("%+v", err)
	}
}

// TestSecretsStay: what a plugin says has no secrets of the request, and each call has its own.
func TestSecretsStay(t *testing.T) {
	c, p := connect(t, map[string]plugintest.Answer{"CreateVolume": func(int, proto.Message) (proto.Message, error) {
		return nil, status.Error(codes.InvalidArgument, "wrong key canary-of-create, not canary-of-snapshot")
	}})
	err := c.Create(t.Context(), record(), "name")
	if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "wrong key ***") {
		t.Errorf("%v", err)
	}
	request, ok := p.Calls("CreateVolume")[0].Request.(*pb.CreateVolumeRequest)
	if !ok || request.GetSecrets()["key"] != "canary-of-create" {
		t.Errorf("%v", request)
	}
	if err := c.NodeUnpublish(t.Context(), record(), "/target"); !rpc.IsKind(err, csi.KindUnsupported) {
		t.Error(err)
	}
}

// TestContexts sends both contexts unchanged to staging and publication, and no publish context without
// an attachment.
func TestContexts(t *testing.T) {
	c, p := connect(t, map[string]plugintest.Answer{"NodeStageVolume": plugintest.Always(&pb.NodeStageVolumeResponse{}),
		"NodePublishVolume": plugintest.Always(&pb.NodePublishVolumeResponse{})})
	r := record()
	if err := errors.Join(c.Stage(t.Context(), r),
		c.NodePublish(t.Context(), r, &csi.Reference{Target: "/target", Readonly: true})); err != nil {
		t.Fatal(err)
	}
	staged, _ := p.Calls("NodeStageVolume")[0].Request.(*pb.NodeStageVolumeRequest)
	published, _ := p.Calls("NodePublishVolume")[0].Request.(*pb.NodePublishVolumeRequest)
	if staged.GetPublishContext()["of"] != "attachment" || staged.GetVolumeContext()["of"] != "volume" ||
		published.GetPublishContext()["of"] != "attachment" || published.GetVolumeContext()["of"] != "volume" ||
		!published.GetReadonly() || published.GetStagingTargetPath() != "/staging" ||
		!proto.Equal(staged.GetVolumeCapability(), published.GetVolumeCapability()) {
		t.Errorf("%v\n%v", staged, published)
	}
	r.Attachment, r.Staging = nil, nil
	if err := c.NodePublish(t.Context(), r, &csi.Reference{Target: "/target"}); err != nil {
		t.Fatal(err)
	}
	published, _ = p.Calls("NodePublishVolume")[1].Request.(*pb.NodePublishVolumeRequest)
	if published.GetPublishContext() != nil || published.GetStagingTargetPath() != "" {
		t.Errorf("without attachment and staging: %v", published)
	}
}

// TestLimits refuses requests before they are sent, and answers before they are kept.
func TestLimits(t *testing.T) {
	long, path := strings.Repeat("x", 129), "/"+strings.Repeat("x", 200)
	for name, change := range map[string]func(*csi.Record){
		"volume_id":      func(r *csi.Record) { r.ID = long },
		"volume_context": func(r *csi.Record) { r.Context = map[string]string{"k": strings.Repeat("x", 4096)} },
		"mount_flags":    func(r *csi.Record) { r.Volume.MountFlags = slices.Repeat([]string{long}, 40) },
		"fs_type":        func(r *csi.Record) { r.Volume.Filesystem = long },
		"":               func(r *csi.Record) { r.Staging.Path = path },
	} {
		c, p := connect(t, map[string]plugintest.Answer{
			"NodeStageVolume": plugintest.Always(&pb.NodeStageVolumeResponse{})})
		r := record()
		change(r)
		err := c.Stage(t.Context(), r)
		if name == "" {
			if err != nil {
				t.Errorf("a path of 201 bytes: %v", err)
			}
			continue
		}
		if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), name) ||
			len(p.Calls("NodeStageVolume")) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := connect(t, map[string]plugintest.Answer{
		"NodeGetInfo":  plugintest.Always(&pb.NodeGetInfoResponse{NodeId: strings.Repeat("n", 257)}),
		"CreateVolume": plugintest.Always(&pb.CreateVolumeResponse{Volume: &pb.Volume{VolumeId: long}})})
	_, err := c.NodeInfo(t.Context())
	if !rpc.IsKind(err, csi.KindPlugin) || !strings.Contains(err.Error(), "node_id") {
		t.Errorf("a node id of 257 bytes: %v", err)
	}
	if err := c.Create(t.Context(), record(), "name"); !rpc.IsKind(err, csi.KindPlugin) {
		t.Errorf("a volume id of 129 bytes: %v", err)
	}
	bad, err := rpc.New("/nosuch", csi.Secrets{"NodeStageVolume": {"a key": "canary"}}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	err = bad.Stage(t.Context(), record())
	if !rpc.IsKind(err, csi.KindInvalid) || strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret's key with a space: %v", err)
	}
}

// TestCapabilities ignores numbers that CSI 1.13 does not have.
func TestCapabilities(t *testing.T) {
	c, _ := connect(t, map[string]plugintest.Answer{"NodeGetCapabilities": plugintest.Always(
		&pb.NodeGetCapabilitiesResponse{Capabilities: []*pb.NodeServiceCapability{nodeCapability(1), nodeCapability(4),
			nodeCapability(99)}})})
	have, err := c.Capabilities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !have.Node(rpc.Stage) || have.Node(rpc.Stats) || have.HasController() ||
		!slices.Equal(have.Names(), []string{"node.STAGE_UNSTAGE_VOLUME"}) {
		t.Errorf("%q", have.Names())
	}
}

func nodeCapability(n int32) *pb.NodeServiceCapability {
	return &pb.NodeServiceCapability{Type: &pb.NodeServiceCapability_Rpc{
		Rpc: &pb.NodeServiceCapability_RPC{Type: pb.NodeServiceCapability_RPC_Type(n)}}}
}

// TestPages asks for all pages, begins again if a token is not known any more, and ends a list that has
// no end.
func TestPages(t *testing.T) {
	pages := map[string]*pb.ListVolumesResponse{"": page("b", "a"), "b": page("c", "b"), "c": page("", "c")}
	c, p := connect(t, map[string]plugintest.Answer{"ListVolumes": func(n int, r proto.Message) (proto.Message, error) {
		list, _ := r.(*pb.ListVolumesRequest)
		if n == 1 {
			return nil, status.Error(codes.Aborted, "the token is old")
		}
		return pages[list.GetStartingToken()], nil
	}})
	all, err := c.ListVolumes(t.Context())
	if err != nil || len(all) != 3 || all[2].ID != "c" || len(p.Calls("ListVolumes")) != 5 {
		t.Errorf("%v, %v after %d calls", all, err, len(p.Calls("ListVolumes")))
	}
	c, _ = connect(t, map[string]plugintest.Answer{"ListVolumes": plugintest.Always(page("b", "a"))})
	if _, err := c.ListVolumes(t.Context()); !rpc.IsKind(err, csi.KindPlugin) {
		t.Errorf("a list without an end: %v", err)
	}
}

func page(next, id string) *pb.ListVolumesResponse {
	return &pb.ListVolumesResponse{NextToken: next,
		Entries: []*pb.ListVolumesResponse_Entry{{Volume: &pb.Volume{VolumeId: id}}}}
}

// TestCreateChecks refuses a volume that is not what was asked for.
func TestCreateChecks(t *testing.T) {
	snapshot := func(id string) *pb.VolumeContentSource {
		return &pb.VolumeContentSource{Type: &pb.VolumeContentSource_Snapshot{
			Snapshot: &pb.VolumeContentSource_SnapshotSource{SnapshotId: id}}}
	}
	for want, volume := range map[string]*pb.Volume{
		"":                             {VolumeId: "v", ContentSource: snapshot("s"), CapacityBytes: 10},
		"no volume id":                 {ContentSource: snapshot("s")},
		"content is not from snapshot": {VolumeId: "v"},
		"content is not":               {VolumeId: "v", ContentSource: snapshot("another")},
		"has 9 bytes":                  {VolumeId: "v", ContentSource: snapshot("s"), CapacityBytes: 9},
		"has 21 bytes":                 {VolumeId: "v", ContentSource: snapshot("s"), CapacityBytes: 21},
	} {
		c, _ := connect(t, map[string]plugintest.Answer{
			"CreateVolume": plugintest.Always(&pb.CreateVolumeResponse{Volume: volume})})
		r := record()
		r.Volume.Source, r.Volume.Size = &csi.Source{SnapshotID: "s"}, csi.Size{Required: 10, Limit: 20}
		err := c.Create(t.Context(), r, "name")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestProbe: a plugin that says nothing of its readiness is ready, and a failing one is unhealthy.
func TestProbe(t *testing.T) {
	c, _ := connect(t, map[string]plugintest.Answer{"Probe": plugintest.Always(&pb.ProbeResponse{})})
	if ready, err := c.Ready(t.Context()); !ready || err != nil {
		t.Error(ready, err)
	}
	c, _ = connect(t, map[string]plugintest.Answer{"Probe": plugintest.Fail(9, codes.FailedPrecondition, nil)})
	if ready, err := c.Ready(t.Context()); ready || !rpc.IsKind(err, csi.KindState) {
		t.Error(ready, err)
	}
	if err := c.CheckName(t.Context(), "another"); !rpc.IsKind(err, csi.KindInvalid) {
		t.Error(err)
	}
}

// TestOldCondition reads the volume_condition of plugins before CSI 1.13, and is not deceived by what is
// none.
func TestOldCondition(t *testing.T) {
	condition := func(abnormal bool, message string) []byte {
		var b []byte
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, protowire.EncodeBool(abnormal))
		b = protowire.AppendTag(b, 2, protowire.BytesType)
		return protowire.AppendString(b, message)
	}
	field := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	for name, c := range map[string]struct {
		unknown []byte
		want    string
	}{
		"abnormal":       {field(2, condition(true, "slow")), "[{ABNORMAL  slow NodeGetVolumeStats}]"},
		"normal":         {field(2, condition(false, "fine")), "[]"},
		"another field":  {field(9, condition(true, "slow")), "[]"},
		"none":           {nil, "[]"},
		"not a message":  {field(2, []byte{0xff, 0xff}), "[]"},
		"another's type": {protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1), "[]"},
	} {
		answer := &pb.NodeGetVolumeStatsResponse{Usage: []*pb.VolumeUsage{{Unit: pb.VolumeUsage_BYTES, Total: 5},
			{Unit: 7, Total: 9}}}
		answer.ProtoReflect().SetUnknown(c.unknown)
		conn, _ := connect(t, map[string]plugintest.Answer{"NodeGetVolumeStats": plugintest.Always(answer)})
		usage, health, err := conn.Stats(t.Context(), record(), "/target")
		if err != nil || fmt.Sprint(health) != c.want || len(usage) != 1 || usage[0].Unit != "bytes" {
			t.Errorf("%s: %v, %v, %v; want %s", name, usage, health, err, c.want)
		}
	}
}

// TestHealthOfAnother refuses health that is another volume's, and shows a status that is unknown.
func TestHealthOfAnother(t *testing.T) {
	answer := &pb.NodeGetVolumeHealthResponse{VolumeHealth: &pb.VolumeHealth{VolumeId: "v2",
		HealthStatuses: []*pb.VolumeHealth_VolumeHealthEntry{{Status: 99, Reason: "New"}}}}
	c, _ := connect(t, map[string]plugintest.Answer{"NodeGetVolumeHealth": plugintest.Always(answer)})
	if _, err := c.NodeHealth(t.Context(), record(), ""); !rpc.IsKind(err, csi.KindPlugin) {
		t.Error(err)
	}
	answer.VolumeHealth.VolumeId = "v1"
	health, err := c.NodeHealth(t.Context(), record(), "")
	if err != nil || len(health) != 1 || health[0].Status != "99" {
		t.Error(health, err)
	}
}

// TestGroupSnapshot cuts a group of snapshots, and refuses one of other volumes.
func TestGroupSnapshot(t *testing.T) {
	group := &pb.VolumeGroupSnapshot{GroupSnapshotId: "g", ReadyToUse: true, Snapshots: []*pb.Snapshot{
		{SnapshotId: "s2", SourceVolumeId: "v2", ReadyToUse: true},
		{SnapshotId: "s1", SourceVolumeId: "v1", ReadyToUse: true}}}
	c, p := connect(t, map[string]plugintest.Answer{
		"CreateVolumeGroupSnapshot": plugintest.Always(&pb.CreateVolumeGroupSnapshotResponse{GroupSnapshot: group}),
		"DeleteVolumeGroupSnapshot": plugintest.Always(&pb.DeleteVolumeGroupSnapshotResponse{})})
	s := &csi.Snapshot{Group: true, VolumeIDs: []string{"v1", "v2"}}
	err := errors.Join(c.Snapshot(t.Context(), s, "name"), c.DeleteSnapshot(t.Context(), s))
	if err != nil || !s.Ready {
		t.Error(s, err)
	}
	request, _ := p.Calls("DeleteVolumeGroupSnapshot")[0].Request.(*pb.DeleteVolumeGroupSnapshotRequest)
	if request.GetGroupSnapshotId() != "g" || !slices.Equal(request.GetSnapshotIds(), []string{"s2", "s1"}) {
		t.Error(request)
	}
	s.VolumeIDs = []string{"v1"}
	if err := c.Snapshot(t.Context(), s, "name"); !rpc.IsKind(err, csi.KindPlugin) {
		t.Error(err)
	}
}
