package loopdriver

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mctr/mctr/internal/atomicfile"
)

// An Ailment is what health.json says of a volume: the file is an object from volume ids to lists of
// ailments. The id "" is the storage as a whole.
type Ailment struct {
	Status  int32  `json:"status"` // csi.VolumeHealthErrorType, or csi.StorageHealthErrorType
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// HealthFile is the name of the file in the plugin's directory.
const HealthFile = "health.json"

// ailments reads health.json.
func (d *Driver) ailments() (map[string][]Ailment, error) {
	all := map[string][]Ailment{}
	err := atomicfile.ReadJSON(filepath.Join(d.Dir, HealthFile), &all)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	return all, internal(err)
}

// NodeGetVolumeHealth returns a volume's ailments.
func (d *Driver) NodeGetVolumeHealth(_ context.Context, r *csi.NodeGetVolumeHealthRequest) (
	*csi.NodeGetVolumeHealthResponse, error) {
	health, err := d.healthOf(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	return &csi.NodeGetVolumeHealthResponse{VolumeHealth: health}, nil
}

// ControllerGetVolumeHealth returns a volume's ailments.
func (d *Driver) ControllerGetVolumeHealth(_ context.Context, r *csi.ControllerGetVolumeHealthRequest) (
	*csi.ControllerGetVolumeHealthResponse, error) {
	health, err := d.healthOf(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	return &csi.ControllerGetVolumeHealthResponse{VolumeHealth: health}, nil
}

func (d *Driver) healthOf(id string) (*csi.VolumeHealth, error) {
	if err := d.require(Health); err != nil {
		return nil, err
	}
	v, err := d.volume(id)
	if err != nil {
		return nil, err
	}
	all, err := d.ailments()
	return health(v.ID, all[v.ID]), err
}

func health(id string, ailments []Ailment) *csi.VolumeHealth {
	out := &csi.VolumeHealth{VolumeId: id}
	for _, a := range ailments {
		out.HealthStatuses = append(out.HealthStatuses, &csi.VolumeHealth_VolumeHealthEntry{
			Status: csi.VolumeHealthErrorType(a.Status), Reason: a.Reason, Message: a.Message})
	}
	return out
}

// ControllerListVolumeHealth returns a page of the volumes with ailments.
func (d *Driver) ControllerListVolumeHealth(_ context.Context, r *csi.ControllerListVolumeHealthRequest) (
	*csi.ControllerListVolumeHealthResponse, error) {
	if err := d.require(Health); err != nil {
		return nil, err
	}
	all, err := d.ailments()
	if err != nil {
		return nil, err
	}
	delete(all, "")
	page, next, err := pageOf(slices.Sorted(maps.Keys(all)), r.GetStartingToken(), r.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	out := &csi.ControllerListVolumeHealthResponse{NextToken: next}
	for _, id := range page {
		out.Entries = append(out.Entries, health(id, all[id]))
	}
	return out, nil
}

// NodeGetStorageHealth returns the ailments of the storage as a whole.
func (d *Driver) NodeGetStorageHealth(context.Context, *csi.NodeGetStorageHealthRequest) (
	*csi.NodeGetStorageHealthResponse, error) {
	if err := d.require(Health); err != nil {
		return nil, err
	}
	all, err := d.ailments()
	out := &csi.NodeGetStorageHealthResponse{}
	for _, a := range all[""] {
		out.BackendHealth = append(out.BackendHealth, &csi.NodeGetStorageHealthResponse_StorageBackendHealth{
			Status: csi.StorageHealthErrorType(a.Status), Reason: a.Reason, Message: a.Message})
	}
	return out, err
}

// The fields of the VolumeCondition of CSI 1.3 to 1.12, which was field 2 of the response.
const (
	conditionField = 2
	abnormalField  = 1
	messageField   = 2
)

// addCondition adds the volume's first ailment to its statistics, as plugins before CSI 1.13 do.
func (d *Driver) addCondition(id string, out *csi.NodeGetVolumeStatsResponse) error {
	if !d.OldCondition {
		return nil
	}
	all, err := d.ailments()
	if err != nil {
		return err
	}
	var condition []byte
	condition = protowire.AppendTag(condition, abnormalField, protowire.VarintType)
	condition = protowire.AppendVarint(condition, protowire.EncodeBool(len(all[id]) > 0))
	if len(all[id]) > 0 {
		condition = protowire.AppendTag(condition, messageField, protowire.BytesType)
		condition = protowire.AppendString(condition, all[id][0].Message)
	}
	field := protowire.AppendTag(nil, conditionField, protowire.BytesType)
	out.ProtoReflect().SetUnknown(protowire.AppendBytes(field, condition))
	return nil
}
