package loopdriver

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A Call is a line of calls.jsonl.
type Call struct {
	RPC    string `json:"rpc"`
	Volume string `json:"volume,omitempty"`
	Path   string `json:"path,omitempty"` // the target path, or the staging path if there is none
	Code   string `json:"code"`           // of the answer
}

// CallsFile is the name of the file in the plugin's directory.
const CallsFile = "calls.jsonl"

// record appends every answered call to calls.jsonl. It is outside of the faults: a call that kills
// the plugin is not answered.
func (d *Driver) record(ctx context.Context, r any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	answer, err := next(ctx, r)
	call := Call{RPC: path.Base(info.FullMethod), Code: status.Code(err).String()}
	if m, ok := r.(interface{ GetVolumeId() string }); ok {
		call.Volume = m.GetVolumeId()
	}
	if m, ok := r.(interface{ GetStagingTargetPath() string }); ok {
		call.Path = m.GetStagingTargetPath()
	}
	if m, ok := r.(interface{ GetTargetPath() string }); ok {
		call.Path = m.GetTargetPath()
	}
	line, _ := json.Marshal(call) // strings cannot fail
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ferr := os.OpenFile(filepath.Join(d.Dir, CallsFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if ferr != nil {
		return answer, err
	}
	defer f.Close()
	_, _ = f.Write(append(line, '\n'))
	return answer, err
}

// authenticate demands the secret of the call, if the plugin has one.
func (d *Driver) authenticate(ctx context.Context, r any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (
	any, error) {
	m, ok := r.(interface{ GetSecrets() map[string]string })
	if !ok || d.Secret == "" {
		return next(ctx, r)
	}
	switch m.GetSecrets()["token"] {
	case "":
		return nil, status.Error(codes.Unauthenticated, "secret token is missing")
	case path.Base(info.FullMethod) + ":" + d.Secret:
		return next(ctx, r)
	}
	return nil, status.Error(codes.PermissionDenied, "secret token is not the one for this call")
}

// exclude answers ABORTED to a call for a volume or snapshot that has a call in flight.
func (d *Driver) exclude(ctx context.Context, r any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	keys := keysOf(r)
	if !d.enter(keys) {
		return nil, status.Errorf(codes.Aborted, "an operation is pending for %q", keys)
	}
	defer d.leave(keys)
	return next(ctx, r)
}

// keysOf returns the volumes and snapshots that a call is about.
func keysOf(r any) (keys []string) {
	if c, ok := r.(*csi.CreateVolumeRequest); ok {
		keys = append(keys, "volume "+idOf(c.GetName()))
		if from := c.GetVolumeContentSource().GetVolume().GetVolumeId(); from != "" && from != idOf(c.GetName()) {
			keys = append(keys, "volume "+from)
		}
	}
	if c, ok := r.(*csi.CreateSnapshotRequest); ok {
		keys = append(keys, "snapshot "+idOf(c.GetName()), "volume "+c.GetSourceVolumeId())
	}
	if c, ok := r.(*csi.DeleteSnapshotRequest); ok {
		keys = append(keys, "snapshot "+c.GetSnapshotId())
	}
	if c, ok := r.(interface{ GetVolumeId() string }); ok && c.GetVolumeId() != "" {
		keys = append(keys, "volume "+c.GetVolumeId())
	}
	return keys
}

func (d *Driver) enter(keys []string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range keys {
		if d.busy[k] {
			return false
		}
	}
	for _, k := range keys {
		d.busy[k] = true
	}
	return true
}

func (d *Driver) leave(keys []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range keys {
		delete(d.busy, k)
	}
}
