package loopdriver_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/moby/sys/mountinfo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/csi/loopdriver/looptest"
)

func TestMain(m *testing.M) {
	os.Exit(looptest.Main(m))
}

// A client calls a plugin about one volume, "data".
type client struct {
	t *testing.T
	csi.ControllerClient
	csi.NodeClient
	csi.IdentityClient

	id, staging, target string
	capability          *csi.VolumeCapability
	readonly            bool
}

// connect returns a client with paths beside the plugin's directory.
func connect(t *testing.T, p *looptest.Plugin) *client {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+p.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	dir := filepath.Dir(p.Dir)
	c := &client{t: t, ControllerClient: csi.NewControllerClient(conn), NodeClient: csi.NewNodeClient(conn),
		IdentityClient: csi.NewIdentityClient(conn), staging: dir + "/staging", target: dir + "/target",
		capability: mountOf(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER)}
	if err := os.MkdirAll(c.staging, 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

func mountOf(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}}}
}

func blockOf(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}}
}

// call makes one of the calls in the life of a volume and returns its error.
func (c *client) call(name string) error {
	ctx := c.t.Context()
	ofVolume, ofPublish := map[string]string{"image": c.id}, map[string]string{"attachment": c.id}
	var err error
	switch name {
	case "create":
		var r *csi.CreateVolumeResponse
		r, err = c.CreateVolume(ctx, &csi.CreateVolumeRequest{Name: "data",
			VolumeCapabilities: []*csi.VolumeCapability{c.capability}})
		c.id = r.GetVolume().GetVolumeId()
	case "attach":
		_, err = c.ControllerPublishVolume(ctx, &csi.ControllerPublishVolumeRequest{VolumeId: c.id, NodeId: "node-1",
			VolumeCapability: c.capability, VolumeContext: ofVolume})
	case "stage":
		_, err = c.NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{VolumeId: c.id, StagingTargetPath: c.staging,
			VolumeCapability: c.capability, VolumeContext: ofVolume, PublishContext: ofPublish})
	case "publish":
		_, err = c.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{VolumeId: c.id, StagingTargetPath: c.staging,
			TargetPath: c.target, VolumeCapability: c.capability, VolumeContext: ofVolume, PublishContext: ofPublish,
			Readonly: c.readonly})
	case "unpublish":
		_, err = c.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: c.id, TargetPath: c.target})
	case "unstage":
		_, err = c.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{VolumeId: c.id, StagingTargetPath: c.staging})
	case "detach":
		_, err = c.ControllerUnpublishVolume(ctx, &csi.ControllerUnpublishVolumeRequest{VolumeId: c.id,
			NodeId: "node-1"})
	case "delete":
		_, err = c.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: c.id})
	default:
		c.t.Fatal("no such call: ", name)
	}
	return err
}

// do makes calls that have to succeed: "create attach stage publish".
func (c *client) do(names string) {
	c.t.Helper()
	for name := range strings.FieldsSeq(names) {
		if err := c.call(name); err != nil {
			c.t.Fatalf("%s: %v", name, err)
		}
	}
}

// want makes a call that has to fail with a code.
func (c *client) want(name string, code codes.Code) {
	c.t.Helper()
	if err := c.call(name); status.Code(err) != code {
		c.t.Errorf("%s: %v, want %v", name, err, code)
	}
}

const (
	life = "create attach stage publish"
	back = "unpublish unstage detach delete"
)

// TestSurvivesKill kills the plugin before and after the work of every call: mounts and data survive,
// and the repeated call succeeds.
func TestSurvivesKill(t *testing.T) {
	p := looptest.Start(t, "-strict")
	rpcs := map[string]string{"create": "CreateVolume", "attach": "ControllerPublishVolume", "stage": "NodeStageVolume",
		"publish": "NodePublishVolume", "unpublish": "NodeUnpublishVolume", "unstage": "NodeUnstageVolume",
		"detach": "ControllerUnpublishVolume", "delete": "DeleteVolume"}
	for _, when := range []string{"before", "after"} {
		c := connect(t, p)
		for name := range strings.FieldsSeq(life + " " + back) {
			p.Fault(map[string]loopdriver.Fault{rpcs[name]: {Times: 1, Die: when}})
			id := c.id
			c.want(name, codes.Unavailable)
			p.Revive()
			c = reconnect(c, p, id)
			if name == "publish" && when == "after" {
				c.write("survives")
			}
			c.do(name)
			if name == "publish" && when == "after" {
				c.read("survives")
			}
		}
	}
}

func reconnect(c *client, p *looptest.Plugin, id string) *client {
	again := connect(c.t, p)
	again.id = id
	return again
}

func (c *client) write(text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.target, "file"), []byte(text), 0o600); err != nil {
		c.t.Error(err)
	}
}

func (c *client) read(want string) {
	c.t.Helper()
	if got, err := os.ReadFile(filepath.Join(c.target, "file")); err != nil || string(got) != want {
		c.t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

// TestReadonly publishes volumes of both types read-only, by the flag and by the access mode.
func TestReadonly(t *testing.T) {
	p := looptest.Start(t)
	c := connect(t, p)
	c.readonly = true
	c.do(life)
	if err := os.WriteFile(filepath.Join(c.target, "file"), nil, 0o600); err == nil {
		t.Error("a read-only mount can be written")
	}
	c.do(back)
	c.readonly, c.capability = false, mountOf(csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY)
	c.do(life)
	if err := os.WriteFile(filepath.Join(c.target, "file"), nil, 0o600); err == nil {
		t.Error("a mount by a reader's access mode can be written")
	}
	c.do(back)
	c.readonly, c.capability = true, blockOf(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER)
	c.do(life)
	if f, err := os.OpenFile(c.target, os.O_WRONLY, 0); err == nil {
		_, err = f.Write([]byte("x"))
		if err = errors.Join(err, f.Sync()); err == nil {
			t.Error("a read-only device can be written")
		}
		_ = f.Close()
	}
	c.do(back)
}

// TestSecondPublish holds the plugin to the specification's tables for a second NodePublishVolume.
func TestSecondPublish(t *testing.T) {
	p := looptest.Start(t)
	for mode, other := range map[csi.VolumeCapability_AccessMode_Mode]codes.Code{
		csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER:        codes.FailedPrecondition,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER: codes.FailedPrecondition,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER:  codes.OK,
		csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:   codes.OK,
	} {
		c := connect(t, p)
		c.capability = mountOf(mode)
		c.do(life + " publish")
		c.readonly = true
		c.want("publish", codes.AlreadyExists)
		c.readonly = false
		first := c.target
		c.target += "-2"
		c.want("publish", other)
		c.do("unpublish")
		c.target = first
		c.do(back)
	}
}

// TestOrderIsKept: what is called too early or too late fails and changes nothing.
func TestOrderIsKept(t *testing.T) {
	c := connect(t, looptest.Start(t, "-strict"))
	c.do("create")
	c.want("stage", codes.FailedPrecondition)
	c.do("attach")
	c.want("publish", codes.FailedPrecondition)
	c.do("stage publish")
	c.want("unstage", codes.FailedPrecondition)
	c.want("detach", codes.FailedPrecondition)
	c.want("delete", codes.FailedPrecondition)
	c.do(back)
	c.want("stage", codes.NotFound)
	c.want("unpublish", codes.NotFound)
}

// TestStrict refuses contexts that are not the plugin's, and secrets that are not the call's.
func TestStrict(t *testing.T) {
	c := connect(t, looptest.Start(t, "-strict", "-secret", "s3cret", "-without", "attach"))
	create := func(secrets map[string]string) (*csi.CreateVolumeResponse, error) {
		return c.CreateVolume(t.Context(), &csi.CreateVolumeRequest{Name: "data", Secrets: secrets,
			VolumeCapabilities: []*csi.VolumeCapability{c.capability}})
	}
	for token, want := range map[string]codes.Code{"": codes.Unauthenticated, "s3cret": codes.PermissionDenied,
		"DeleteVolume:s3cret": codes.PermissionDenied} {
		if _, err := create(map[string]string{"token": token}); status.Code(err) != want {
			t.Errorf("secret %q: %v, want %v", token, err, want)
		}
	}
	r, err := create(map[string]string{"token": "CreateVolume:s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	stage := &csi.NodeStageVolumeRequest{VolumeId: r.GetVolume().GetVolumeId(), StagingTargetPath: c.staging,
		VolumeCapability: c.capability, VolumeContext: r.GetVolume().GetVolumeContext(),
		PublishContext: map[string]string{"attachment": "x"},
		Secrets:        map[string]string{"token": "NodeStageVolume:s3cret"}}
	if _, err := c.NodeStageVolume(t.Context(), stage); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a publish context without attachment: %v", err)
	}
	stage.PublishContext, stage.VolumeContext = nil, nil
	if _, err := c.NodeStageVolume(t.Context(), stage); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no volume context: %v", err)
	}
}

// TestFaults tries every kind of fault but death, which TestSurvivesKill has.
func TestFaults(t *testing.T) {
	p := looptest.Start(t)
	c := connect(t, p)
	p.Fault(map[string]loopdriver.Fault{"CreateVolume": {Times: 2, Code: uint32(codes.Aborted)}})
	c.want("create", codes.Aborted)
	c.want("create", codes.Aborted)
	c.do("create attach stage")
	p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Code: uint32(codes.Internal)}})
	c.want("publish", codes.Internal)
	if _, err := os.Stat(c.target); err != nil {
		t.Error("a failed publish leaves no target: ", err)
	}
	p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Hollow: true}})
	c.do("publish")
	if is, err := mountinfo.Mounted(c.target); is || err != nil {
		t.Errorf("a hollow publish has mounted: %v", err)
	}
	p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Late: uint32(codes.DeadlineExceeded)}})
	c.want("publish", codes.DeadlineExceeded)
	if is, err := mountinfo.Mounted(c.target); !is || err != nil {
		t.Errorf("a late publish has not mounted: %v", err)
	}
	p.Fault(map[string]loopdriver.Fault{"NodeUnpublishVolume": {Times: 1, Garbage: true}})
	c.want("unpublish", codes.Internal)
	p.Fault(map[string]loopdriver.Fault{"NodePublishVolume": {Times: 1, Volume: "another"}})
	c.want("publish", codes.NotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Probe(ctx, nil); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	c.do("unstage detach delete")
}

// TestExpandOffline expands a volume that is not in use; its filesystem is larger at the next staging.
func TestExpandOffline(t *testing.T) {
	c := connect(t, looptest.Start(t))
	c.do("create attach stage unstage")
	r, err := c.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{VolumeId: c.id,
		CapacityRange: &csi.CapacityRange{RequiredBytes: 64 << 20}})
	if err != nil || r.GetCapacityBytes() != 64<<20 || !r.GetNodeExpansionRequired() {
		t.Fatal(r, err)
	}
	c.do("stage publish")
	request := &csi.NodeExpandVolumeRequest{VolumeId: c.id, VolumePath: c.target}
	if _, err := c.NodeExpandVolume(t.Context(), request); err != nil {
		t.Error(err)
	}
	stats, err := c.NodeGetVolumeStats(t.Context(),
		&csi.NodeGetVolumeStatsRequest{VolumeId: c.id, VolumePath: c.target})
	if err != nil || stats.GetUsage()[0].GetTotal() < 48<<20 {
		t.Errorf("after the expansion: %v, %v", stats, err)
	}
	c.do(back)
}

// TestSnapshotHasData restores what was written before the snapshot, while the volume is in use.
func TestSnapshotHasData(t *testing.T) {
	p := looptest.Start(t, "-cutting", "1")
	c := connect(t, p)
	c.do(life)
	c.write("before")
	request := &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: c.id}
	for _, ready := range []bool{false, true} {
		r, err := c.CreateSnapshot(t.Context(), request)
		if err != nil || r.GetSnapshot().GetReadyToUse() != ready {
			t.Fatalf("%v, %v; want ready %t", r, err, ready)
		}
	}
	c.write("after")
	c.do(back)
	source := &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: idOf(t, c)}}}
	r, err := c.CreateVolume(t.Context(), &csi.CreateVolumeRequest{Name: "restored", VolumeContentSource: source,
		VolumeCapabilities: []*csi.VolumeCapability{c.capability}})
	if err != nil {
		t.Fatal(err)
	}
	c.id = r.GetVolume().GetVolumeId()
	c.do("attach stage publish")
	c.read("before")
	c.do(back)
}

func idOf(t *testing.T, c *client) string {
	t.Helper()
	r, err := c.ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{})
	if err != nil || len(r.GetEntries()) != 1 {
		t.Fatal(r, err)
	}
	return r.GetEntries()[0].GetSnapshot().GetSnapshotId()
}

// TestHealth reports ailments by all calls of CSI 1.13, and as field 2 of the statistics.
func TestHealth(t *testing.T) {
	p := looptest.Start(t, "-old-condition")
	c := connect(t, p)
	c.do(life)
	p.Ail(map[string][]loopdriver.Ailment{c.id: {{Status: 1, Reason: "Slow", Message: "a disk is slow"}},
		"": {{Status: 2, Reason: "Gone"}}})
	n, err := c.NodeGetVolumeHealth(t.Context(), &csi.NodeGetVolumeHealthRequest{VolumeId: c.id})
	if err != nil || n.GetVolumeHealth().GetHealthStatuses()[0].GetStatus() != csi.VolumeHealthErrorType_DEGRADED {
		t.Error(n, err)
	}
	l, err := c.ControllerListVolumeHealth(t.Context(), &csi.ControllerListVolumeHealthRequest{})
	if err != nil || len(l.GetEntries()) != 1 || l.GetEntries()[0].GetVolumeId() != c.id {
		t.Error(l, err)
	}
	s, err := c.NodeGetStorageHealth(t.Context(), &csi.NodeGetStorageHealthRequest{})
	if err != nil || s.GetBackendHealth()[0].GetReason() != "Gone" {
		t.Error(s, err)
	}
	stats, err := c.NodeGetVolumeStats(t.Context(),
		&csi.NodeGetVolumeStatsRequest{VolumeId: c.id, VolumePath: c.target})
	if err != nil {
		t.Fatal(err)
	}
	number, kind, n1 := protowire.ConsumeTag(stats.ProtoReflect().GetUnknown())
	if n1 < 0 || number != 2 || kind != protowire.BytesType ||
		!strings.Contains(string(stats.ProtoReflect().GetUnknown()), "a disk is slow") {
		t.Errorf("field 2 is %d of type %v", number, kind)
	}
	c.do(back)
}

// TestStarting reports twice that the plugin is not ready, and then that it is.
func TestStarting(t *testing.T) {
	c := connect(t, looptest.Start(t, "-starting", "2"))
	var ready []bool
	for range 3 {
		r, err := c.Probe(t.Context(), &csi.ProbeRequest{})
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, r.GetReady().GetValue())
	}
	if !slices.Equal(ready, []bool{false, false, true}) {
		t.Errorf("ready: %t", ready)
	}
}
