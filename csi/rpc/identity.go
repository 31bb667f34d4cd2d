package rpc

import (
	"context"
	"fmt"

	pb "github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/mctr/mctr/csi"
)

// CheckName fails unless the plugin has the name: a request may have the socket of another plugin.
func (c *Conn) CheckName(ctx context.Context, name string) error {
	r, err := call(ctx, c, "GetPluginInfo", c.identity.GetPluginInfo, &pb.GetPluginInfoRequest{})
	if err == nil && r.GetName() != name {
		err = &csi.Error{Kind: csi.KindInvalid, Call: "GetPluginInfo",
			Message: fmt.Sprintf("the plugin at this socket is %q: want %q", r.GetName(), name)}
	}
	return err
}

// Info describes the plugin. Its Node, Segments and MaxVolumes are empty if it has no Node service.
func (c *Conn) Info(ctx context.Context, have *Capabilities) (*csi.Info, error) {
	r, err := call(ctx, c, "GetPluginInfo", c.identity.GetPluginInfo, &pb.GetPluginInfoRequest{})
	if err != nil {
		return nil, err
	}
	ready, err := c.Ready(ctx)
	if err != nil {
		return nil, err
	}
	info := &csi.Info{Name: r.GetName(), Version: r.GetVendorVersion(), Ready: ready, Features: have.Names()}
	if !ready {
		return info, nil
	}
	node, err := c.NodeInfo(ctx)
	if IsKind(err, csi.KindUnsupported) {
		return info, nil
	}
	info.Node, info.MaxVolumes = node.GetNodeId(), node.GetMaxVolumesPerNode()
	info.Segments = node.GetAccessibleTopology().GetSegments()
	return info, err
}

// Ready returns what Probe does: false while the plugin initializes. A plugin that says nothing of it is
// ready. An error is that of an unhealthy plugin.
func (c *Conn) Ready(ctx context.Context) (bool, error) {
	r, err := call(ctx, c, "Probe", c.identity.Probe, &pb.ProbeRequest{})
	return err == nil && (r.GetReady() == nil || r.GetReady().GetValue()), err
}

// NodeInfo returns what the plugin says of this node.
func (c *Conn) NodeInfo(ctx context.Context) (*pb.NodeGetInfoResponse, error) {
	r, err := call(ctx, c, "NodeGetInfo", c.node.NodeGetInfo, &pb.NodeGetInfoRequest{})
	if err == nil && r.GetNodeId() == "" {
		err = &csi.Error{Kind: csi.KindPlugin, Call: "NodeGetInfo", Message: "the answer has no node id"}
	}
	return r, err
}
