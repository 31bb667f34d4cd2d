package loopdriver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that is wrapped
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
)

// A Fault makes a call fail. faults.json in the plugin's directory is an object from names of calls
// ("NodeStageVolume") to faults, and is read at each call. A call uses a fault up: the plugin counts
// Times down before it acts, so that a fault outlives the plugin that it kills.
type Fault struct {
	Times int `json:"times"` // how many calls have the fault

	DelayMS int    `json:"delay_ms,omitempty"` // the call waits before all else, also if its caller is gone
	Code    uint32 `json:"code,omitempty"`     // the call does nothing and answers with this code of gRPC
	Hollow  bool   `json:"hollow,omitempty"`   // the call does nothing and answers with an empty message
	Volume  string `json:"volume,omitempty"`   // the call does its work on this volume instead
	Die     string `json:"die,omitempty"`      // "before" or "after" the work the plugin kills itself
	Late    uint32 `json:"late,omitempty"`     // the call does its work and answers with this code
	Garbage bool   `json:"garbage,omitempty"`  // the call does its work and its answer cannot be decoded
}

// FaultsFile is the name of the file in the plugin's directory.
const FaultsFile = "faults.json"

// fault does to a call what faults.json asks for.
func (d *Driver) fault(ctx context.Context, r any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	f, err := d.takeFault(path.Base(info.FullMethod))
	if err != nil || f == nil {
		if err != nil {
			return nil, internal(err)
		}
		return next(ctx, r)
	}
	time.Sleep(time.Duration(f.DelayMS) * time.Millisecond)
	if f.Die == "before" {
		die()
	}
	if f.Code != 0 {
		leaveTarget(r)
		return nil, status.Error(codes.Code(f.Code), "injected")
	}
	if f.Volume != "" {
		r = aboutAnother(r, f.Volume)
	}
	if f.Hollow {
		leaveTarget(r)
		return &csi.ProbeResponse{}, nil // any empty message is
	}
	answer, err := next(ctx, r)
	switch {
	case f.Die == "after":
		die()
	case f.Late != 0:
		return nil, status.Error(codes.Code(f.Late), "injected after the work")
	case f.Garbage:
		return garbage{}, nil
	}
	return answer, err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// takeFault returns the fault of a call, and counts it down in the file.
func (d *Driver) takeFault(rpc string) (*Fault, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file := filepath.Join(d.Dir, FaultsFile)
	all := map[string]*Fault{}
	err := atomicfile.ReadJSON(file, &all)
	f := all[rpc]
	if errors.Is(err, fs.ErrNotExist) || err == nil && (f == nil || f.Times < 1) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.Times--
	return f, atomicfile.WriteJSON(file, all)
}

// leaveTarget makes the target directory of a publish that fails, as many plugins do.
func leaveTarget(r any) {
	if p, ok := r.(*csi.NodePublishVolumeRequest); ok {
		_ = dirs.MakeAll(p.GetTargetPath(), 0o755)
	}
}

// aboutAnother returns a copy of a request with another volume_id and the contexts of that volume.
func aboutAnother(r any, id string) any {
	m, ok := r.(proto.Message)
	if !ok {
		return r
	}
	m = proto.Clone(m)
	fields := m.ProtoReflect().Descriptor().Fields()
	if field := fields.ByName("volume_id"); field != nil {
		m.ProtoReflect().Set(field, protoreflect.ValueOfString(id))
	}
	if p, ok := m.(*csi.NodePublishVolumeRequest); ok {
		p.VolumeContext, p.PublishContext = volumeContext(id), publishContext(id)
	}
	if c, ok := m.(*csi.CreateVolumeRequest); ok {
		c.Name, c.VolumeContentSource = id, nil
	}
	return m
}

// garbage is an answer that no message can be decoded from.
type garbage struct{}

// codec encodes messages as gRPC does, and garbage as bytes that end within a field.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	if _, ok := v.(garbage); ok {
		return mem.BufferSlice{mem.SliceBuffer([]byte{0x0a, 0xff, 0x01, 0x00})}, nil
	}
	return encoding.GetCodecV2("proto").Marshal(v)
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2("proto").Unmarshal(data, v)
}
