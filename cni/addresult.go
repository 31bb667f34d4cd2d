package cni

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/internal/netdump"
)

// A Result is the part of an ADD's answer that describes the container's interface.
type Result struct {
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Gateways  []netip.Addr   `json:"gateways,omitempty"` // at most one for each address family
	MAC       string         `json:"mac,omitempty"`
	DNS       mctr.DNS       `json:"dns,omitzero"`
}

// resultOf converts the plugins' answer to an ADD. It fails if an address of the answer is not
// possible, or if the namespace lacks the interface or an address that the answer names.
func resultOf(answer types.Result, ifname, ns string) (*Result, error) {
	given, err := types100.NewResultFromResult(answer)
	if err != nil {
		return nil, fmt.Errorf("%w: the plugins' answer: %w", mctr.ErrInvalid, err)
	}
	r := &Result{DNS: mctr.DNS{Servers: given.DNS.Nameservers, Search: given.DNS.Search, Options: given.DNS.Options}}
	if given.DNS.Domain != "" && len(r.DNS.Search) == 0 {
		r.DNS.Search = []string{given.DNS.Domain}
	}
	for i, ip := range given.IPs {
		if err := r.addAddress(given, ip, ifname); err != nil {
			return nil, fmt.Errorf("%w: the plugins' answer: address %d: %w", mctr.ErrInvalid, i, err)
		}
	}
	for _, i := range given.Interfaces {
		if i.Sandbox != "" && i.Name == ifname {
			r.MAC = i.Mac
		}
	}
	return r, r.verifyInNamespace(ifname, ns, given.Interfaces)
}

// addAddress adds an address of the answer, unless the address belongs to another interface. The
// bandwidth plugin answers with such addresses.
func (r *Result) addAddress(given *types100.Result, ip *types100.IPConfig, ifname string) error {
	if ip.Interface != nil {
		if *ip.Interface < 0 || *ip.Interface >= len(given.Interfaces) {
			return fmt.Errorf("its interface is %d, but the answer has %d interfaces", *ip.Interface,
				len(given.Interfaces))
		}
		if on := given.Interfaces[*ip.Interface]; on.Sandbox == "" || on.Name != ifname {
			return nil
		}
	}
	addr, ok := netip.AddrFromSlice(ip.Address.IP)
	ones, bits := ip.Address.Mask.Size()
	if addr = addr.Unmap(); !ok || bits == 0 || !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() {
		return fmt.Errorf("%v is not valid for a container", ip.Address)
	}
	if addr.BitLen() < bits {
		ones -= bits - addr.BitLen()
	}
	r.Addresses = append(r.Addresses, netip.PrefixFrom(addr, ones))
	gateway, ok := netip.AddrFromSlice(ip.Gateway)
	gateway = gateway.Unmap()
	if ok && !slices.ContainsFunc(r.Gateways, func(have netip.Addr) bool { return have.Is4() == gateway.Is4() }) {
		r.Gateways = append(r.Gateways, gateway)
	}
	return nil
}

// verifyInNamespace compares the result with the namespace. A plugin that names no interface of the
// container is believed: there are plugins for devices without a kernel driver.
func (r *Result) verifyInNamespace(ifname, ns string, interfaces []*types100.Interface) error {
	if !slices.ContainsFunc(interfaces, func(i *types100.Interface) bool { return i.Sandbox != "" }) {
		return nil
	}
	handle, err := netns.GetFromPath(ns)
	if err != nil {
		return err
	}
	defer handle.Close()
	links, err := netlink.NewHandleAt(handle)
	if err != nil {
		return err
	}
	defer links.Close()
	link, err := links.LinkByName(ifname)
	if err != nil {
		return fmt.Errorf("%w: the plugins reported success, but the interface %s does not exist: %w",
			mctr.ErrInvalid, ifname, err)
	}
	found, err := netdump.Uninterrupted(func() ([]netlink.Addr, error) {
		return links.AddrList(link, netlink.FAMILY_ALL)
	})
	if err != nil {
		return err
	}
	return r.hasAddresses(found)
}

func (r *Result) hasAddresses(found []netlink.Addr) error {
	var errs []error
	for _, a := range r.Addresses {
		if !slices.ContainsFunc(found, func(f netlink.Addr) bool { return f.IP.Equal(net.IP(a.Addr().AsSlice())) }) {
			errs = append(errs,
				fmt.Errorf("%w: the plugins answered %v, but the interface lacks this address", mctr.ErrInvalid, a))
		}
	}
	return errors.Join(errs...)
}
