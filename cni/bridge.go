package cni

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// raiseBridge makes a network's bridge where it is not there, with a hardware address
// that is its own. One that is made without has its ports' lowest, which changes under
// the containers that have learned it.
func (d *Definition) raiseBridge() (netlink.Link, error) {
	attrs := attributes(d.Bridge, d.MTU)
	attrs.HardwareAddr = randomMAC()
	bridge, err := ensure(&netlink.Bridge{LinkAttrs: attrs})
	if err != nil {
		return nil, err
	}
	return bridge, addressed(bridge)
}

// mendBridges is for networks whose bridge the bridge plugin makes: when its first
// ADD fails behind the plugin's first port, the bridge is left with no address, and
// the next ADD fails at making that its own.
func mendBridges(network *Network) error {
	for _, p := range network.list.Plugins {
		if p.Network.Type != "bridge" {
			continue
		}
		conf := struct{ Bridge string }{"cni0"} // the plugin's default
		if err := json.Unmarshal(p.Bytes, &conf); err != nil {
			return nil // the plugin will say so
		}
		bridge, err := netlink.LinkByName(conf.Bridge)
		var none netlink.LinkNotFoundError
		if errors.As(err, &none) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at bridge %s: %w", conf.Bridge, err)
		}
		if err := addressed(bridge); err != nil {
			return err
		}
	}
	return nil
}

// addressed gives a bridge without a hardware address one.
func addressed(bridge netlink.Link) error {
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
