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

// SetUpHost prepares the host for an ADD. For a network of mctr's it makes the interfaces that the
// plugins do not make. For an operator's network it repairs what the bridge plugin may have left.
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

// setUpBridge makes a network's bridge if it does not exist, with a hardware address of its own. A
// bridge without one takes the lowest address of its ports, which changes when ports come and go,
// while containers still use the address that they have learned.
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

// checkSubnetUnused fails if another interface of the host has an address in one of the network's
// subnets. Since the network was made, such an interface may have appeared, for example with the
// network of another root. The host would then send packets for this network there.
func (d *Definition) checkSubnetUnused(bridge netlink.Link) error {
	all, err := netdump.HostAddresses()
	if err != nil {
		return fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range all {
		if s := d.subnetAround(prefixOf(a.IP, a.Mask)); s.IsValid() && a.LinkIndex != bridge.Attrs().Index {
			return fmt.Errorf("%w: subnet %v: %s of this host now has the address %v: make the network "+
				"again with another definition.subnets", mctr.ErrState, s, interfaceName(a.LinkIndex), a.IPNet)
		}
	}
	return nil
}

// subnetAround returns the network's subnet that contains p.
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

// repairBridges gives a hardware address to bridges that the bridge plugin has left without one.
// That happens if the first ADD of a network fails after the plugin has added its first port, and
// makes every later ADD fail.
func (n *Network) repairBridges() error {
	for _, p := range n.list.Plugins {
		if p.Network.Type != "bridge" {
			continue
		}
		conf := struct{ Bridge string }{"cni0"} // the plugin's default
		if err := json.Unmarshal(p.Bytes, &conf); err != nil {
			return nil // the plugin reports the error
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

// setHardwareAddress gives a bridge a hardware address if it has none.
func setHardwareAddress(bridge netlink.Link) error {
	a := bridge.Attrs()
	if bridge.Type() != "bridge" || len(a.HardwareAddr) > 0 { // netlink reports an address of zeros as none
		return nil
	}
	if err := netlink.LinkSetHardwareAddr(bridge, randomMAC()); err != nil {
		return fmt.Errorf("give bridge %s a hardware address: %w", a.Name, err)
	}
	return nil
}

// randomMAC returns a locally administered unicast address (IEEE 802, 8.4).
func randomMAC() net.HardwareAddr {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // cannot fail
	mac[0] = mac[0]&^1 | 2
	return mac
}
