package cni

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// Cleanup detaches the container from its networks. A plugin that fails does not hold up the
// container's release: the attachment stays recorded, reconcile reports it, and a later Cleanup
// tries again. Cleanup also repeats earlier DELs that are due. The container's files are removed
// with its other records.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	id := h.ID
	attachments, _ := i.networks.AttachmentsOf(id)
	err := i.networks.Detach(ctx, id)
	if len(attachments) > 0 {
		i.networks.RetryDue(ctx)
	}
	if len(attachments) > 0 && i.recorded(attachments) {
		i.networks.Warn("a network is still attached to a container that has exited", "container", id, "error", err)
		err = nil
	}
	_ = i.CgroupBase.Cleanup(ctx, h) // closing the meter's files cannot fail
	return err
}

// recorded reports whether the record of each remaining attachment has the reason of the failure.
func (i *isolator) recorded(attachments []*cni.Attachment) bool {
	left, err := i.networks.AttachmentsOf(attachments[0].Container)
	return err == nil && len(left) > 0 &&
		!slices.ContainsFunc(left, func(a *cni.Attachment) bool { return a.Failure == "" })
}

// Recover reports attachments and pinned namespaces of unknown containers, and attachments of
// exited containers that could not be detached.
func (i *isolator) Recover(_ context.Context, known []mctr.ContainerState,
	_ mctr.HandleOf) ([]mctr.Leftover, error) {
	phases, namespaces := map[mctr.ContainerID]mctr.Phase{}, map[string]bool{}
	for _, k := range known {
		phases[k.ID], namespaces[i.networks.Namespace(k.ID)] = k.Phase, true
	}
	all, err := i.networks.Attachments()
	var found []mctr.Leftover
	for _, a := range all {
		namespaces[i.networks.Namespace(a.Container)] = true
		if phase, ok := phases[a.Container]; ok && (phase != mctr.Exited || a.Failure == "") {
			continue
		}
		found = append(found, leftover(a))
	}
	pins, pinErr := i.networks.Pins()
	for _, path := range pins {
		if !namespaces[path] {
			found = append(found,
				mctr.Leftover{Kind: "netns", Object: path, Why: "no container has it", Undo: "unmount and remove it"})
		}
	}
	return found, cmp.Or(err, pinErr)
}

// Undo unpins a namespace that belongs to no container.
func (i *isolator) Undo(_ context.Context, l mctr.Leftover) error {
	if l.Kind != "netns" {
		return fmt.Errorf("%w: undo a leftover of kind %s", mctr.ErrUnsupported, l.Kind)
	}
	return i.networks.UnpinStray(l.Object)
}

func leftover(a *cni.Attachment) mctr.Leftover {
	l := mctr.Leftover{Kind: "network", Object: fmt.Sprintf("%s in %s", a.Interface, a.Network), Owner: a.Container,
		Why: "its container does not exist", Undo: "ask its plugins for DEL"}
	if a.Result != nil {
		for _, p := range a.Result.Addresses {
			l.Object += fmt.Sprintf(" (%v)", p)
		}
	}
	if a.Failure != "" {
		l.Why = a.Failure
	}
	return l
}

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
