// Package plugintest is a CSI plugin whose every answer a test decides, and which records the requests.
// It has no volumes: for a plugin that works, see package looptest.
//
// On disk: a socket in a temporary directory of the test.
package plugintest

import (
	"context"
	"net"
	"path"
	"path/filepath"
	"sync"
	"testing"

	pb "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Name is what GetPluginInfo answers by default.
const Name = "plugin.test"

// A Call is a request that the plugin has received.
type Call struct {
	RPC     string
	Request proto.Message
}

// A Plugin answers calls until its test ends.
type Plugin struct {
	Socket string

	mu     sync.Mutex
	calls  []Call
	answer map[string]Answer
}

// An Answer returns what the nth call of an RPC, from 0, is answered.
type Answer func(n int, request proto.Message) (proto.Message, error)

// Always answers all calls with the same message.
func Always(m proto.Message) Answer {
	return func(int, proto.Message) (proto.Message, error) { return m, nil }
}

// Fail answers the first n calls with a code, and the others by next.
func Fail(n int, code codes.Code, next Answer) Answer {
	return func(i int, request proto.Message) (proto.Message, error) {
		if i < n {
			return nil, status.Error(code, "injected")
		}
		return next(i-n, request)
	}
}

// Start starts a plugin that answers calls by name. A call without an answer is not implemented, but for
// those of every plugin: GetPluginInfo, GetPluginCapabilities, NodeGetCapabilities and NodeGetInfo.
func Start(t testing.TB, answers map[string]Answer) *Plugin {
	t.Helper()
	p := &Plugin{Socket: filepath.Join(t.TempDir(), "csi.sock"), answer: map[string]Answer{
		"GetPluginInfo":         Always(&pb.GetPluginInfoResponse{Name: Name}),
		"GetPluginCapabilities": Always(&pb.GetPluginCapabilitiesResponse{}),
		"NodeGetCapabilities":   Always(&pb.NodeGetCapabilitiesResponse{}),
		"NodeGetInfo":           Always(&pb.NodeGetInfoResponse{NodeId: "node-1"}),
	}}
	for name, answer := range answers {
		p.answer[name] = answer
	}
	listener, err := net.Listen("unix", p.Socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(p.intercept))
	pb.RegisterIdentityServer(server, pb.UnimplementedIdentityServer{})
	pb.RegisterControllerServer(server, pb.UnimplementedControllerServer{})
	pb.RegisterGroupControllerServer(server, pb.UnimplementedGroupControllerServer{})
	pb.RegisterNodeServer(server, pb.UnimplementedNodeServer{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *Plugin) intercept(_ context.Context, r any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	name := path.Base(info.FullMethod)
	request, ok := r.(proto.Message)
	if !ok {
		return nil, status.Error(codes.Internal, "not a message")
	}
	p.mu.Lock()
	n := 0
	for _, call := range p.calls {
		if call.RPC == name {
			n++
		}
	}
	p.calls = append(p.calls, Call{RPC: name, Request: proto.Clone(request)})
	answer := p.answer[name]
	p.mu.Unlock()
	if answer == nil {
		return nil, status.Errorf(codes.Unimplemented, "%s is not implemented", name)
	}
	return answer(n, request)
}

// Calls returns the calls of an RPC.
func (p *Plugin) Calls(name string) (calls []Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, call := range p.calls {
		if call.RPC == name {
			calls = append(calls, call)
		}
	}
	return calls
}
