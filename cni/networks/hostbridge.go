package networks

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/internal/netdump"
)

// SetUpHost makes what a network of mctr's needs on the host besides its plugins, and mends
// what the bridge plugin may have left of an operator's.
func (n *Network) SetUpHost() error {
	own := n.Definition
	switch {
	case own != nil && own.Overlay != nil:
		return own.setUpOverlay()
	case own != nil && own.Bridge != "":
		_, err := own.setUpBridge()
		return err
	}
	return n.repairBridges()
}

// setUpBridge makes a network's bridge where it is not there, with a hardware address
// that is its own. One that is made without has its ports' lowest, which changes under
// the containers that have learned it.
func (d *Definition) setUpBridge() (netlink.Link, error) {
	bridge, err := d.ensureBridge()
	if err != nil {
		return nil, err
	}
	if d.Driver == Bridge && !d.Internal {
		err = d.checkSubnetUnused(bridge)
	}
	return bridge, errors.Join(err, setHardwareAddress(bridge))
}

func (d *Definition) ensureBridge() (netlink.Link, error) {
	attrs := attributes(d.Bridge, d.MTU)
	attrs.HardwareAddr = randomMAC()
	return ensure(&netlink.Bridge{LinkAttrs: attrs})
}

// checkSubnetUnused wants the network's subnets, or parts of them, on no other interface of
// the host: one may have got them since the network was made, another root's network
// above all, and the host would send there what is for here.
func (d *Definition) checkSubnetUnused(bridge netlink.Link) error {
	all, err := netdump.HostAddresses()
	if err != nil {
		return fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range all {
		if s := d.subnetAround(prefixOf(a.IP, a.Mask)); s.IsValid() && a.LinkIndex != bridge.Attrs().Index {
			return fmt.Errorf("%w: subnet %v: %s of this host has the address %v by now: make the network anew with "+
				"another definition.subnets", mctr.ErrState, s, interfaceName(a.LinkIndex), a.IPNet)
		}
	}
	return nil
}

// subnetAround is the network's that p is, or is a part of.
func (d *Definition) subnetAround(p netip.Prefix) netip.Prefix {
	for _, s := range d.Subnets {
		if p.IsValid() && p.Bits() >= s.Subnet.Bits() && s.Subnet.Overlaps(p) {
			return s.Subnet
		}
	}
	return netip.Prefix{}
}

func interfaceName(index int) string {
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		return fmt.Sprintf("interface %d", index)
	}
	return link.Attrs().Name
}

// repairBridges is for networks whose bridge the bridge plugin makes: when its first
// ADD fails behind the plugin's first port, the bridge is left with no address, and
// the next ADD fails at making that its own.
func (n *Network) repairBridges() error {
	for _, p := range n.list.Plugins {
		if p.Network.Type != "bridge" {
			continue
		}
		conf := struct{ Bridge string }{"cni0"} // the plugin's default
		if err := json.Unmarshal(p.Bytes, &conf); err != nil {
			return nil // the plugin will say so
		}
		bridge, err := netlink.LinkByName(conf.Bridge)
		if _, none := errors.AsType[netlink.LinkNotFoundError](err); none {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at bridge %s: %w", conf.Bridge, err)
		}
		if err := setHardwareAddress(bridge); err != nil {
			return err
		}
	}
	return nil
}

// setHardwareAddress gives a bridge without a hardware address one.
func setHardwareAddress(bridge netlink.Link) error {
	a := bridge.Attrs()
	if bridge.Type() != "bridge" || len(a.HardwareAddr) > 0 { // netlink leaves out zeros
		return nil
	}
	if err := netlink.LinkSetHardwareAddr(bridge, randomMAC()); err != nil {
		return fmt.Errorf("give bridge %s a hardware address: %w", a.Name, err)
	}
	return nil
}

// randomMAC is a locally administered unicast address (IEEE 802, 8.4).
func randomMAC() net.HardwareAddr {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // never fails
	mac[0] = mac[0]&^1 | 2
	return mac
}
