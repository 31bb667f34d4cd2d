package cni

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// hostPorts returns the host's ports that forward to the container through this attachment. If the
// container has only IPv6 addresses, a port on all of the host's addresses is shown as one on [::],
// because a port without an address reads as IPv4's.
func hostPorts(a *cni.Attachment) []mctr.Port {
	ports, f := slices.Clone(a.Ports), familiesOf([]*cni.Attachment{a})
	for i := range ports {
		if ports[i].HostIP == "" && f[false] && !f[true] {
			ports[i].HostIP = netip.IPv6Unspecified().String()
		}
	}
	return ports
}

// Status reports the container's interfaces and host ports. A record that cannot be read becomes a
// warning.
func (i *isolator) Status(_ context.Context, h mctr.Handle, s *mctr.Status) error {
	if s.Config != nil && len(s.Config.Networks) == 0 {
		return nil
	}
	attachments, err := i.networks.AttachmentsOf(h.ID)
	for _, a := range attachments {
		n := mctr.Network{Name: a.Network, Interface: a.Interface, Failure: a.Failure}
		if a.Result != nil {
			n.MAC = a.Result.MAC
			for _, p := range a.Result.Addresses {
				n.Addresses = append(n.Addresses, p.String())
			}
			for _, g := range a.Result.Gateways {
				n.Gateways = append(n.Gateways, g.String())
			}
		}
		s.Networks = append(s.Networks, n)
		s.Ports = append(s.Ports, hostPorts(a)...)
	}
	if s.Config != nil {
		s.Warnings = append(s.Warnings, leftOut(s.Config.DNS.Servers, attachments)...)
	}
	if err != nil {
		s.Warnings = append(s.Warnings, err.Error())
	}
	return nil
}

// leftOut returns a warning for each requested name server that is not in resolv.conf.
func leftOut(servers []string, attachments []*cni.Attachment) (warnings []string) {
	kept := within(servers, attachments)
	for _, server := range servers {
		if !slices.Contains(kept, server) {
			warnings = append(warnings,
				fmt.Sprintf("name server %s is left out: the container has no address of its family", server))
		}
	}
	return warnings
}
