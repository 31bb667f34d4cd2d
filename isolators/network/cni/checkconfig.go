package cni

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// maxNetworks limits the interfaces of a container.
const maxNetworks = 32

// maxPorts limits the ports of a container, because a plugin needs about 50 ms for each and has a
// deadline.
const maxPorts = 512

// namespaceLabel is refused: Calico would store the endpoint in a namespace in which its DEL does
// not look, so that the endpoint would outlive the container.
const namespaceLabel = "projectcalico.org/namespace"

// Check refuses networks that do not exist or lack plugins, and requests that a network cannot
// serve.
func (i *isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	if err := errors.Join(checkMode(config), checkNames(config)); err != nil {
		return err
	}
	if len(config.Networks) > maxNetworks {
		return fmt.Errorf("%w: config.networks: %d networks, at most %d", mctr.ErrInvalid, len(config.Networks),
			maxNetworks)
	}
	var networks []*cni.Network
	for _, want := range config.Networks {
		network, err := i.networks.Available(want.Name)
		if errors.Is(err, mctr.ErrNotFound) {
			return fmt.Errorf("%w: config.networks %s: %w", mctr.ErrInvalid, want.Name, err)
		}
		if err != nil {
			return fmt.Errorf("config.networks: %w", err)
		}
		if err := checkNetwork(network, want); err != nil {
			return err
		}
		networks = append(networks, network)
	}
	if err := checkPorts(config, networks); err != nil {
		return err
	}
	return i.networks.CheckPorts(config.Ports)
}

func checkMode(config *mctr.ContainerConfig) error {
	mode := config.Network
	switch {
	case mode != "" && len(config.Networks) > 0:
		return fmt.Errorf("%w: config.network %s and config.networks %s: a container can have only one of them",
			mctr.ErrInvalid, mode, config.Networks[0].Name)
	case (len(config.Ports) > 0 || config.PublishAll) && len(config.Networks) == 0:
		return fmt.Errorf("%w: config.ports: the container has no network to which host ports could forward",
			mctr.ErrInvalid)
	case config.PublishAll && config.Image == "":
		return fmt.Errorf("%w: publish_all: the container has no image that exposes ports", mctr.ErrInvalid)
	case joined(mode) != "":
		return joined(mode).Validate()
	case mode != "" && mode != mctr.NetworkNone && mode != mctr.NetworkHost && mode != mctr.NetworkParent:
		return fmt.Errorf(
			"%w: config.network %s: none, host, parent (of a nested container), container:ID, or a network's name",
			mctr.ErrInvalid, mode)
	}
	return nil
}

// joined returns the id of the container whose network mode shares, or "".
func joined(mode string) mctr.ContainerID {
	id, ok := strings.CutPrefix(mode, mctr.JoinNetwork)
	if !ok {
		return ""
	}
	return mctr.ContainerID(id)
}

// checkNames checks everything of the config that is written into the container's files.
func checkNames(config *mctr.ContainerConfig) error {
	for _, server := range config.DNS.Servers {
		if _, err := netip.ParseAddr(server); err != nil || !isWord(server) {
			return fmt.Errorf("%w: dns.servers %q is not an address", mctr.ErrInvalid, server)
		}
	}
	for _, word := range slices.Concat(config.DNS.Search, config.DNS.Options) {
		if !isWord(word) {
			return fmt.Errorf("%w: dns.search or dns.options %q is not one word", mctr.ErrInvalid, word)
		}
	}
	for _, host := range config.ExtraHosts {
		extra, err := parseExtraHost(host)
		if err != nil {
			return err
		}
		if extra.ip == hostGateway && config.Network == mctr.NetworkNone {
			return fmt.Errorf("%w: extra_hosts %s: with config.network none the container does not reach the host",
				mctr.ErrInvalid, host)
		}
	}
	return nil
}

// isWord reports whether text stays one word of one line. netip.ParseAddr accepts any text as the
// zone of an IPv6 address.
func isWord(text string) bool {
	return text != "" &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

func checkNetwork(network *cni.Network, want mctr.NetworkConfig) error {
	refuse := func(why string, args ...any) error {
		return fmt.Errorf("%w: config.networks %s: "+why, append([]any{mctr.ErrInvalid, want.Name}, args...)...)
	}
	families := map[bool]bool{}
	for _, ip := range want.IPs {
		addr, err := address(ip)
		if err != nil {
			return refuse("ip %q is not an address", ip)
		}
		if families[addr.Is4()] {
			return refuse("ip %q: want one address for each address family", ip)
		}
		families[addr.Is4()] = true
	}
	if mac, err := net.ParseMAC(want.MAC); want.MAC != "" &&
		(err != nil || len(mac) != 6 || mac[0]&1 != 0 || bytes.Equal(mac, make([]byte, 6))) {
		return refuse("mac %q is not a valid hardware address of an interface", want.MAC)
	}
	if want.Bandwidth != nil && !network.Has("bandwidth") {
		return refuse("bandwidth: none of the network's plugins can limit it")
	}
	if _, given := want.Labels[namespaceLabel]; given {
		return refuse("label %s: Calico would leave an endpoint behind when the container exits", namespaceLabel)
	}
	return nil
}

func address(ip string) (netip.Addr, error) {
	if prefix, err := netip.ParsePrefix(ip); err == nil {
		return prefix.Addr(), nil
	}
	return netip.ParseAddr(ip)
}

// checkPorts checks the ports, and that a network takes port mappings if there are any.
func checkPorts(config *mctr.ContainerConfig, networks []*cni.Network) error {
	if len(config.Ports) > maxPorts {
		return fmt.Errorf("%w: config.ports: %d ports, at most %d (config.network host has them all)", mctr.ErrInvalid,
			len(config.Ports), maxPorts)
	}
	for _, p := range config.Ports {
		if err := checkPort(p); err != nil {
			return err
		}
	}
	if len(config.Ports) == 0 && !config.PublishAll {
		return nil
	}
	to := publisher(networks)
	if to < 0 {
		return fmt.Errorf("%w: config.ports: no plugin of config.networks %s takes port mappings", mctr.ErrInvalid,
			config.Networks[0].Name)
	}
	return checkLedPorts(config.Ports, networks[to].Name, definedFamilies(networks[to]))
}

// definedFamilies returns the address families of a network that mctr made. It returns nil for an
// operator's network, whose families are known only after ADD.
func definedFamilies(n *cni.Network) families {
	if n.Definition == nil || len(n.Definition.Subnets) == 0 {
		return nil
	}
	f := families{}
	for _, s := range n.Definition.Subnets {
		f[s.Subnet.Addr().Is4()] = true
	}
	return f
}

// checkLedPorts refuses ports on a host address of a family of which the container has no address,
// because nothing translates between the families. Without families it accepts all ports.
func checkLedPorts(ports []mctr.Port, network string, f families) error {
	for _, p := range ports {
		addr, err := netip.ParseAddr(p.HostIP)
		if err != nil || len(f) == 0 || f[addr.Unmap().Is4()] {
			continue
		}
		family := "IPv6"
		if addr.Unmap().Is4() {
			family = "IPv4"
		}
		return fmt.Errorf("%w: config.ports %v: network %s gives the container no %s address to forward to",
			mctr.ErrInvalid, p, network, family)
	}
	return nil
}

func checkPort(p mctr.Port) error {
	if addr, err := netip.ParseAddr(p.HostIP); p.HostIP != "" && (err != nil || addr.Zone() != "") {
		return fmt.Errorf("%w: config.ports %v: %q is not an address of the host", mctr.ErrInvalid, p, p.HostIP)
	}
	if addr, err := netip.ParseAddr(p.HostIP); err == nil && addr.Is6() && addr.IsLoopback() {
		return &mctr.UnsupportedError{Feature: "config.ports " + p.String(),
			Why:    "the kernel does not forward from the loopback address of IPv6",
			Remedy: "use 127.0.0.1, or another address of the host"}
	}
	if p.ContainerPort == 0 || p.HostPortEnd != 0 && p.HostPortEnd < p.HostPort {
		return fmt.Errorf("%w: config.ports %v: want ports of 1 to 65535, and ranges that go up", mctr.ErrInvalid, p)
	}
	if p.Protocol != "tcp" && p.Protocol != "udp" && p.Protocol != "sctp" {
		return fmt.Errorf("%w: config.ports %v: protocol %q: want tcp, udp or sctp", mctr.ErrInvalid, p, p.Protocol)
	}
	return nil
}

// publisher returns the index of the first network that can forward host ports to the container, or
// -1.
func publisher(networks []*cni.Network) int {
	return slices.IndexFunc(networks, func(n *cni.Network) bool { return n.Has("portMappings") })
}
