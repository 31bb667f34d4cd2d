package networks

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
)

// maxClaims bounds how often a subnet is chosen again, and claimPause the time between two
// attempts.
const (
	maxClaims  = 20
	claimPause = 20 * time.Millisecond
)

// claimSubnet announces the chosen subnet to every other root on the host, and chooses another one
// if another root has announced the same. Of two roots that claim one subnet at the same time, both
// may yield; the random pause lets them differ at the next attempt.
func (s *Store) claimSubnet(ctx context.Context, name, file string, d *Definition) error {
	for range maxClaims {
		err := d.announceSubnet()
		if !errors.Is(err, mctr.ErrState) {
			return err
		}
		time.Sleep(rand.N(claimPause))
		d.Subnets = nil
		if err := errors.Join(s.completeSubnets(d), s.write(ctx, name, file, d)); err != nil {
			return err
		}
	}
	return d.announceSubnet()
}

// announceSubnet gives the network's bridge the address that the bridge plugin would give it with
// the first container. It removes the bridge and fails if another interface has an address of the
// subnet.
func (d *Definition) announceSubnet() error {
	bridge, err := d.ensureBridge()
	if err != nil {
		return err
	}
	for _, s := range d.Subnets {
		mask := net.CIDRMask(s.Subnet.Bits(), s.Subnet.Addr().BitLen())
		err = errors.Join(err,
			netlink.AddrReplace(bridge, &netlink.Addr{IPNet: &net.IPNet{IP: s.Gateway.AsSlice(), Mask: mask}}))
	}
	if err = errors.Join(err, d.checkSubnetUnused(bridge)); err != nil {
		return errors.Join(err, removeLink(d.Bridge))
	}
	return nil
}
