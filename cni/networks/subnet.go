package networks

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/internal/netdump"
)

// pool is the range from which mctr chooses subnets of 256 addresses.
var pool = netip.MustParsePrefix("10.96.0.0/11")

// leastMTU6 is the minimum MTU of an IPv6 link (RFC 8200, section 5).
const leastMTU6 = 1280

// completeSubnets checks the definition's subnets, or chooses a free one if the definition has
// none.
func (s *Store) completeSubnets(d *Definition) error {
	used, err := s.usedPrefixes()
	if err != nil {
		return err
	}
	if len(d.Subnets) == 0 {
		free, err := freeSubnet(used)
		if err != nil {
			return err
		}
		d.Subnets = []Subnet{{Subnet: free}}
	}
	families := map[bool]bool{}
	for i := range d.Subnets {
		subnet := &d.Subnets[i]
		if err := subnet.complete(); err != nil {
			return err
		}
		if families[subnet.Subnet.Addr().Is4()] {
			return fmt.Errorf("%w: definition.subnets %v: a network has one subnet for each address family",
				mctr.ErrInvalid, subnet.Subnet)
		}
		families[subnet.Subnet.Addr().Is4()] = true
		if subnet.Subnet.Addr().Is6() && d.MTU != 0 && d.MTU < leastMTU6 {
			return fmt.Errorf("%w: MTU %d: IPv6 needs at least %d", mctr.ErrInvalid, d.MTU, leastMTU6)
		}
		if other := overlapping(subnet.Subnet, used); other.IsValid() && d.Driver == Bridge {
			return fmt.Errorf("%w: definition.subnets %v overlaps %v, which this host or another network has",
				mctr.ErrExists, subnet.Subnet, other)
		}
	}
	return nil
}

func (s *Subnet) complete() error {
	if !s.Subnet.IsValid() || s.Subnet != s.Subnet.Masked() {
		return fmt.Errorf("%w: definition.subnets %v: the address has bits after the prefix (did you mean %v?)",
			mctr.ErrInvalid, s.Subnet, s.Subnet.Masked())
	}
	if s.Subnet.Addr().BitLen()-s.Subnet.Bits() < 2 || s.Subnet.Addr().IsMulticast() || s.Subnet.Bits() == 0 {
		return fmt.Errorf("%w: definition.subnets %v has no room for containers", mctr.ErrInvalid, s.Subnet)
	}
	if !s.Range.IsValid() {
		s.Range = s.Subnet
	}
	if s.Range != s.Range.Masked() || s.Range.Bits() < s.Subnet.Bits() || !s.Subnet.Contains(s.Range.Addr()) ||
		s.Range.Addr().BitLen()-s.Range.Bits() < 2 {
		return fmt.Errorf(
			"%w: definition.subnets.range %v is not a part of definition.subnets %v with room for containers",
			mctr.ErrInvalid, s.Range, s.Subnet)
	}
	if !s.Gateway.IsValid() {
		s.Gateway = firstHost(s.Range)
	}
	if !s.Subnet.Contains(s.Gateway) || s.Gateway == s.Subnet.Addr() {
		return fmt.Errorf("%w: definition.subnets.gateway %v is not a host of definition.subnets %v", mctr.ErrInvalid,
			s.Gateway, s.Subnet)
	}
	return nil
}

func firstHost(p netip.Prefix) netip.Addr { return p.Addr().Next() }

// lastHost returns the address before the broadcast address.
func lastHost(p netip.Prefix) netip.Addr {
	last := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(last)
	return addr.Prev()
}

func defaultDestination(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "0.0.0.0/0"
	}
	return "::/0"
}

// usedPrefixes returns the prefixes of the host's addresses and routes, except default routes, and
// of all networks.
func (s *Store) usedPrefixes() ([]netip.Prefix, error) {
	var used []netip.Prefix
	routes, err := netdump.Uninterrupted(func() ([]netlink.Route, error) {
		return netlink.RouteList(nil, netlink.FAMILY_ALL)
	})
	if err != nil {
		return nil, fmt.Errorf("list the host's routes: %w", err)
	}
	for _, r := range routes {
		if r.Dst != nil {
			used = append(used, prefixOf(r.Dst.IP, r.Dst.Mask))
		}
	}
	addresses, err := netdump.HostAddresses()
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range addresses {
		used = append(used, prefixOf(a.IP, a.Mask))
	}
	all, _ := s.All() // the subnets of an unreadable network are unknown
	for _, network := range all {
		if network.Definition != nil {
			for _, subnet := range network.Definition.Subnets {
				used = append(used, subnet.Subnet)
			}
		}
	}
	return slices.DeleteFunc(used, func(p netip.Prefix) bool { return !p.IsValid() || p.Bits() == 0 }), nil
}

func prefixOf(ip, mask []byte) netip.Prefix {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.Prefix{}
	}
	bits, _ := net.IPMask(mask).Size()
	return netip.PrefixFrom(addr.Unmap(), bits).Masked()
}

func overlapping(p netip.Prefix, used []netip.Prefix) netip.Prefix {
	if i := slices.IndexFunc(used, p.Overlaps); i >= 0 {
		return used[i]
	}
	return netip.Prefix{}
}

func freeSubnet(used []netip.Prefix) (netip.Prefix, error) {
	for p := netip.PrefixFrom(pool.Addr(), 24); pool.Contains(p.Addr()); p = netip.PrefixFrom(
		lastHost(p).Next().Next(), 24) {
		if !overlapping(p, used).IsValid() {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("%w: no free subnet in %v: name a subnet in definition.subnets", mctr.ErrState,
		pool)
}
