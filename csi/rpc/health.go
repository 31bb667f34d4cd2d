package rpc

import (
	"context"

	pb "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mctr/mctr/csi"
)

// Stats returns how full the volume is that is available at path, and, from a plugin before CSI 1.13,
// its condition. Units that this build does not know are left out.
func (c *Conn) Stats(ctx context.Context, r *csi.Record, path string) ([]csi.Usage, []csi.Condition, error) {
	answer, err := call(ctx, c, "NodeGetVolumeStats", c.node.NodeGetVolumeStats, &pb.NodeGetVolumeStatsRequest{
		VolumeId: r.ID, VolumePath: path, StagingTargetPath: stagingPath(r)})
	if err != nil {
		return nil, nil, err
	}
	units := map[pb.VolumeUsage_Unit]string{pb.VolumeUsage_BYTES: "bytes", pb.VolumeUsage_INODES: "inodes"}
	var usage []csi.Usage
	for _, u := range answer.GetUsage() {
		if unit, known := units[u.GetUnit()]; known {
			usage = append(usage, csi.Usage{Unit: unit, Total: u.GetTotal(), Used: u.GetUsed(),
				Available: u.GetAvailable()})
		}
	}
	return usage, oldCondition(answer.ProtoReflect().GetUnknown()), nil
}

// The volume_condition of CSI 1.3 to 1.12: field 2 of NodeGetVolumeStatsResponse, with the fields
// abnormal and message. CSI 1.13 reserves the number, and most plugins still send it.
const (
	conditionField = 2
	abnormalField  = 1
	messageField   = 2
)

// oldCondition reads the condition from the fields that the protocol does not know.
func oldCondition(unknown []byte) []csi.Condition {
	abnormal, message := false, ""
	eachField(unknown, func(number protowire.Number, field []byte, _ uint64) {
		if number != conditionField {
			return
		}
		eachField(field, func(number protowire.Number, field []byte, value uint64) {
			switch number {
			case abnormalField:
				abnormal = protowire.DecodeBool(value)
			case messageField:
				message = string(field)
			}
		})
	})
	if !abnormal {
		return nil
	}
	return []csi.Condition{{Status: "ABNORMAL", Message: message, From: "NodeGetVolumeStats"}}
}

// eachField calls f for the fields of a message, with the bytes or the number of each. It stops where
// the message is not valid.
func eachField(message []byte, f func(number protowire.Number, bytes []byte, value uint64)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(number, kind, message)
		if size < 0 {
			return
		}
		switch kind {
		case protowire.BytesType:
			bytes, _ := protowire.ConsumeBytes(message)
			f(number, bytes, 0)
		case protowire.VarintType:
			value, _ := protowire.ConsumeVarint(message)
			f(number, nil, value)
		}
		message = message[size:]
	}
}

// NodeHealth returns what is wrong with the volume as this node sees it; target may be empty.
func (c *Conn) NodeHealth(ctx context.Context, r *csi.Record, target string) ([]csi.Condition, error) {
	const name = "NodeGetVolumeHealth"
	answer, err := call(ctx, c, name, c.node.NodeGetVolumeHealth, &pb.NodeGetVolumeHealthRequest{VolumeId: r.ID,
		VolumePublishPath: target, StagingTargetPath: stagingPath(r)})
	if err != nil {
		return nil, err
	}
	return conditions(r, name, answer.GetVolumeHealth())
}

// ControllerHealth returns what is wrong with the volume as its storage sees it.
func (c *Conn) ControllerHealth(ctx context.Context, r *csi.Record) ([]csi.Condition, error) {
	const name = "ControllerGetVolumeHealth"
	answer, err := call(ctx, c, name, c.controller.ControllerGetVolumeHealth,
		&pb.ControllerGetVolumeHealthRequest{VolumeId: r.ID, Secrets: c.secrets[name]})
	if err != nil {
		return nil, err
	}
	return conditions(r, name, answer.GetVolumeHealth())
}

// conditions returns the entries of a volume's health. An unknown status is a number: it is shown, and
// nothing acts on it.
func conditions(r *csi.Record, from string, health *pb.VolumeHealth) (out []csi.Condition, err error) {
	if id := health.GetVolumeId(); id != "" && id != r.ID {
		return nil, &csi.Error{Kind: csi.KindPlugin, Call: from, Message: "the answer is about volume " + id}
	}
	for _, e := range health.GetHealthStatuses() {
		out = append(out, csi.Condition{Status: e.GetStatus().String(), Reason: e.GetReason(), Message: e.GetMessage(),
			From: from})
	}
	return out, nil
}

// StorageHealth returns what is wrong with the storage as a whole.
func (c *Conn) StorageHealth(ctx context.Context) (out []csi.Condition, err error) {
	const name = "NodeGetStorageHealth"
	answer, err := call(ctx, c, name, c.node.NodeGetStorageHealth,
		&pb.NodeGetStorageHealthRequest{Secrets: c.secrets[name]})
	for _, e := range answer.GetBackendHealth() {
		out = append(out, csi.Condition{Status: e.GetStatus().String(), Reason: e.GetReason(), Message: e.GetMessage(),
			From: name})
	}
	return out, err
}
