package networks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/internal/netdump"
)

// An Overlay joins the bridges of several hosts through one VXLAN interface on each (RFC 7348). The
// interface sends frames for addresses that it has not learned to all peers. The hosts have one
// common Subnet, and each assigns addresses of a Range of its own.
type Overlay struct {
	VNI    int          `json:"vni"`             // 1 to 16777215, the same on every host
	Local  netip.Addr   `json:"local,omitzero"`  // this host's address on the underlay
	Peers  []netip.Addr `json:"peers,omitempty"` // the addresses of the other hosts on the underlay
	Port   int          `json:"port,omitempty"`  // UDP; default 4789
	Device string       `json:"device"`          // the name of the interface; chosen by mctr
}

const (
	vxlanPort = 4789
	// vxlanHeader is the size of the headers that VXLAN adds to a frame: Ethernet, IPv4, UDP,
	// VXLAN.
	vxlanHeader = 50
	// vxlanHeader6 is the same for an IPv6 underlay.
	vxlanHeader6 = 70
)

func (s *Store) completeOverlay(name string, d *Definition) error {
	o := d.Overlay
	if o == nil || o.VNI < 1 || o.VNI >= 1<<24 {
		return fmt.Errorf("%w: definition.driver vxlan needs definition.overlay.vni, 1 to 16777215", mctr.ErrInvalid)
	}
	if len(d.Subnets) == 0 || d.Subnets[0].Range == (netip.Prefix{}) || d.Subnets[0].Range == d.Subnets[0].Subnet {
		return fmt.Errorf("%w: definition.driver vxlan needs the common definition.subnets, and as "+
			"definition.subnets.range this host's part of it",
			mctr.ErrInvalid)
	}
	underlay, err := linkOf(o.Local)
	if err != nil {
		return fmt.Errorf("definition.overlay.local: %w", err)
	}
	for _, p := range o.Peers {
		if p == o.Local || p.Is4() != o.Local.Is4() {
			return fmt.Errorf("%w: definition.overlay.peers %v: want another host's address of the family of "+
				"definition.overlay.local %v", mctr.ErrInvalid,
				p, o.Local)
		}
	}
	if o.Port == 0 {
		o.Port = vxlanPort
	}
	if d.MTU == 0 {
		d.MTU = underlay.Attrs().MTU - vxlanHeader
		if !o.Local.Is4() {
			d.MTU = underlay.Attrs().MTU - vxlanHeader6
		}
	}
	o.Device = s.interfaceOf("mctrvx", name)
	return nil
}

// linkOf returns the host's interface that has the address.
func linkOf(local netip.Addr) (netlink.Link, error) {
	addresses, err := netdump.HostAddresses()
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if addr, ok := netip.AddrFromSlice(a.IP); ok && addr.Unmap() == local {
			return netlink.LinkByIndex(a.LinkIndex)
		}
	}
	return nil, fmt.Errorf("%w: no interface of this host has the address %v", mctr.ErrInvalid, local)
}

// setUpOverlay makes the overlay's interfaces if they do not exist: at the first attachment, and
// after a reboot. The bridge plugin uses an existing bridge.
func (d *Definition) setUpOverlay() error {
	bridge, err := d.setUpBridge()
	if err != nil {
		return err
	}
	o := d.Overlay
	device, err := ensure(&netlink.Vxlan{
		LinkAttrs: attributes(o.Device, d.MTU), VxlanId: o.VNI, SrcAddr: o.Local.AsSlice(), Port: o.Port,
		Learning: true,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.LinkSetMaster(device, bridge), netlink.LinkSetUp(bridge),
		netlink.LinkSetUp(device)); err != nil {
		return fmt.Errorf("join %s and %s: %w", o.Device, d.Bridge, err)
	}
	for _, p := range o.Peers {
		if err := flood(device, p); err != nil {
			return fmt.Errorf("add the peer %v to %s: %w", p, o.Device, err)
		}
	}
	return nil
}

func attributes(name string, mtu int) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = name, mtu
	return attrs
}

// ensure returns the interface of that name, and makes it if it does not exist. Two processes may
// do so at the same time.
func ensure(link netlink.Link) (netlink.Link, error) {
	name := link.Attrs().Name
	if err := netlink.LinkAdd(link); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("make the interface %s: %w", name, err)
	}
	made, err := netlink.LinkByName(name)
	if err == nil && made.Type() != link.Type() {
		err = fmt.Errorf("%w: interface %s is a %s, not a %s", mctr.ErrExists, name, made.Type(), link.Type())
	}
	return made, err
}

// flood sends frames for unknown addresses, and broadcasts, to peer too (bridge(8), fdb).
func flood(device netlink.Link, peer netip.Addr) error {
	err := netlink.NeighAppend(&netlink.Neigh{
		LinkIndex: device.Attrs().Index, Family: unix.AF_BRIDGE, Flags: netlink.NTF_SELF, State: netlink.NUD_PERMANENT,
		HardwareAddr: make(net.HardwareAddr, 6), IP: peer.AsSlice(),
	})
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if _, none := errors.AsType[netlink.LinkNotFoundError](err); none {
		return nil
	}
	if err != nil {
		return err
	}
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove the interface %s: %w", name, err)
	}
	return nil
}
