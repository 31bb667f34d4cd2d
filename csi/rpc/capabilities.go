package rpc

import (
	"context"
	"fmt"
	"slices"

	pb "github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/mctr/mctr/csi"
)

// Capabilities are what a plugin announces, by the numbers of CSI. Numbers that this build does not
// know are ignored.
type Capabilities struct {
	plugin     map[pb.PluginCapability_Service_Type]bool
	expansion  map[pb.PluginCapability_VolumeExpansion_Type]bool
	controller map[pb.ControllerServiceCapability_RPC_Type]bool
	node       map[pb.NodeServiceCapability_RPC_Type]bool
	group      map[pb.GroupControllerServiceCapability_RPC_Type]bool
}

// The capabilities by short names.
const (
	CreateDelete   = pb.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME
	Publish        = pb.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME
	PublishRO      = pb.ControllerServiceCapability_RPC_PUBLISH_READONLY
	ListVolumes    = pb.ControllerServiceCapability_RPC_LIST_VOLUMES
	GetCapacity    = pb.ControllerServiceCapability_RPC_GET_CAPACITY
	Snapshots      = pb.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT
	ListSnapshots  = pb.ControllerServiceCapability_RPC_LIST_SNAPSHOTS
	Clone          = pb.ControllerServiceCapability_RPC_CLONE_VOLUME
	Expand         = pb.ControllerServiceCapability_RPC_EXPAND_VOLUME
	GetVolume      = pb.ControllerServiceCapability_RPC_GET_VOLUME
	Modify         = pb.ControllerServiceCapability_RPC_MODIFY_VOLUME
	VolumeHealth   = pb.ControllerServiceCapability_RPC_GET_VOLUME_HEALTH
	Stage          = pb.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME
	Stats          = pb.NodeServiceCapability_RPC_GET_VOLUME_STATS
	NodeExpand     = pb.NodeServiceCapability_RPC_EXPAND_VOLUME
	MountGroup     = pb.NodeServiceCapability_RPC_VOLUME_MOUNT_GROUP
	NodeHealth     = pb.NodeServiceCapability_RPC_GET_VOLUME_HEALTH
	StorageHealth  = pb.NodeServiceCapability_RPC_GET_STORAGE_HEALTH
	GroupSnapshots = pb.GroupControllerServiceCapability_RPC_CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT
)

// Capabilities asks the plugin for all its capabilities. A plugin that cannot be reached is waited for.
func (c *Conn) Capabilities(ctx context.Context) (*Capabilities, error) {
	out := &Capabilities{plugin: map[pb.PluginCapability_Service_Type]bool{},
		expansion:  map[pb.PluginCapability_VolumeExpansion_Type]bool{},
		controller: map[pb.ControllerServiceCapability_RPC_Type]bool{},
		node:       map[pb.NodeServiceCapability_RPC_Type]bool{},
		group:      map[pb.GroupControllerServiceCapability_RPC_Type]bool{}}
	r, err := call(ctx, c, "GetPluginCapabilities", c.identity.GetPluginCapabilities,
		&pb.GetPluginCapabilitiesRequest{})
	if err != nil {
		return nil, err
	}
	for _, capability := range r.GetCapabilities() {
		out.plugin[capability.GetService().GetType()] = true
		out.expansion[capability.GetVolumeExpansion().GetType()] = true
	}
	if out.HasController() {
		r, err := call(ctx, c, "ControllerGetCapabilities", c.controller.ControllerGetCapabilities,
			&pb.ControllerGetCapabilitiesRequest{})
		if err != nil {
			return nil, err
		}
		for _, capability := range r.GetCapabilities() {
			out.controller[capability.GetRpc().GetType()] = true
		}
	}
	if out.plugin[pb.PluginCapability_Service_GROUP_CONTROLLER_SERVICE] {
		r, err := call(ctx, c, "GroupControllerGetCapabilities", c.group.GroupControllerGetCapabilities,
			&pb.GroupControllerGetCapabilitiesRequest{})
		if err != nil {
			return nil, err
		}
		for _, capability := range r.GetCapabilities() {
			out.group[capability.GetRpc().GetType()] = true
		}
	}
	node, err := call(ctx, c, "NodeGetCapabilities", c.node.NodeGetCapabilities, &pb.NodeGetCapabilitiesRequest{})
	if err != nil && !IsKind(err, csi.KindUnsupported) { // a plugin may have the controller alone
		return nil, err
	}
	for _, capability := range node.GetCapabilities() {
		out.node[capability.GetRpc().GetType()] = true
	}
	return out, nil
}

// HasController returns true if the plugin has the Controller service.
func (c *Capabilities) HasController() bool {
	return c.plugin[pb.PluginCapability_Service_CONTROLLER_SERVICE]
}

// Controller returns true if the Controller service has a capability.
func (c *Capabilities) Controller(kind pb.ControllerServiceCapability_RPC_Type) bool {
	return c.controller[kind]
}

// Node returns true if the Node service has a capability.
func (c *Capabilities) Node(kind pb.NodeServiceCapability_RPC_Type) bool { return c.node[kind] }

// Group returns true if the GroupController service has a capability.
func (c *Capabilities) Group(kind pb.GroupControllerServiceCapability_RPC_Type) bool {
	return c.group[kind]
}

// Topology returns true if volumes of the plugin may be accessible from some nodes only.
func (c *Capabilities) Topology() bool {
	return c.plugin[pb.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS]
}

// MultiWriter returns true if the plugin knows the access modes about writers of a single node.
func (c *Capabilities) MultiWriter() bool {
	return c.node[pb.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER] &&
		(!c.HasController() || c.controller[pb.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER])
}

// Online returns true if a volume can be expanded while it is in use.
func (c *Capabilities) Online() bool {
	return c.expansion[pb.PluginCapability_VolumeExpansion_ONLINE]
}

// Require returns an error of KindUnsupported that names a call and the capability that it needs, if
// have is false.
func Require(have bool, name string, capability fmt.Stringer) error {
	if have {
		return nil
	}
	return &csi.Error{Kind: csi.KindUnsupported, Call: name, Message: fmt.Sprintf("the plugin lacks %v", capability)}
}

// Names lists the capabilities that this build knows, sorted.
func (c *Capabilities) Names() (names []string) {
	names = appendNames(names, "plugin.", c.plugin, pb.PluginCapability_Service_Type_name)
	names = appendNames(names, "plugin.VOLUME_EXPANSION_", c.expansion, pb.PluginCapability_VolumeExpansion_Type_name)
	names = appendNames(names, "controller.", c.controller, pb.ControllerServiceCapability_RPC_Type_name)
	names = appendNames(names, "node.", c.node, pb.NodeServiceCapability_RPC_Type_name)
	names = appendNames(names, "group.", c.group, pb.GroupControllerServiceCapability_RPC_Type_name)
	slices.Sort(names)
	return names
}

func appendNames[K ~int32](names []string, prefix string, have map[K]bool, known map[int32]string) []string {
	for kind := range have {
		if name, ok := known[int32(kind)]; ok && kind != 0 {
			names = append(names, prefix+name)
		}
	}
	return names
}
