package loopdriver

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// GetPluginInfo returns the plugin's name and version.
func (d *Driver) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: Name, VendorVersion: "1"}, nil
}

// GetPluginCapabilities returns the services that the plugin has, and how it expands volumes.
func (d *Driver) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (
	*csi.GetPluginCapabilitiesResponse, error) {
	r := &csi.GetPluginCapabilitiesResponse{}
	service := func(has bool, kind csi.PluginCapability_Service_Type) {
		if has {
			r.Capabilities = append(r.Capabilities, &csi.PluginCapability{Type: &csi.PluginCapability_Service_{
				Service: &csi.PluginCapability_Service{Type: kind}}})
		}
	}
	service(d.has(Controller), csi.PluginCapability_Service_CONTROLLER_SERVICE)
	service(d.has(Topology), csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS)
	if d.has(Expand) {
		how := csi.PluginCapability_VolumeExpansion_OFFLINE
		if canGrowOnline() {
			how = csi.PluginCapability_VolumeExpansion_ONLINE
		}
		r.Capabilities = append(r.Capabilities, &csi.PluginCapability{Type: &csi.PluginCapability_VolumeExpansion_{
			VolumeExpansion: &csi.PluginCapability_VolumeExpansion{Type: how}}})
	}
	return r, nil
}

// Probe reports that the plugin is ready, after Options.Starting calls.
func (d *Driver) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ready := d.starting == 0
	d.starting = max(0, d.starting-1)
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(ready)}, nil
}
