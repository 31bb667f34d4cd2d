package container

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
)

// networkInfo has the keys of NetworkSettings in docker.
type networkInfo struct {
	IPAddress, Gateway, MacAddress string
	Ports                          map[string][]portInfo
	Networks                       map[string]endpointInfo
}

type portInfo struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

type endpointInfo struct {
	Interface                                          string `json:",omitempty"`
	IPAddress, Gateway, GlobalIPv6Address, IPv6Gateway string
	MacAddress                                         string
	IPPrefixLen, GlobalIPv6PrefixLen                   int
}

func describeNetworks(s *mctr.Status) networkInfo {
	i := networkInfo{Ports: map[string][]portInfo{}, Networks: map[string]endpointInfo{}}
	if len(s.Networks) == 0 {
		i.Networks[format.Networks(s.Config)] = endpointInfo{}
	}
	for n, attached := range s.Networks {
		e := describeEndpoint(attached)
		if n == 0 {
			i.IPAddress, i.Gateway, i.MacAddress = e.IPAddress, e.Gateway, e.MacAddress
		}
		i.Networks[attached.Name] = e
	}
	for _, p := range s.Ports {
		inside := fmt.Sprintf("%d/%s", p.ContainerPort, p.Protocol)
		i.Ports[inside] = append(i.Ports[inside],
			portInfo{cmp.Or(p.HostIP, "0.0.0.0"), strconv.Itoa(int(p.HostPort))})
	}
	return i
}

func describeEndpoint(n mctr.Network) endpointInfo {
	e := endpointInfo{Interface: n.Interface, MacAddress: n.MAC}
	for _, text := range n.Addresses {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
		case p.Addr().Is4() && e.IPAddress == "":
			e.IPAddress, e.IPPrefixLen = p.Addr().String(), p.Bits()
		case p.Addr().Is6() && e.GlobalIPv6Address == "":
			e.GlobalIPv6Address, e.GlobalIPv6PrefixLen = p.Addr().String(), p.Bits()
		}
	}
	for _, g := range n.Gateways {
		if addr, err := netip.ParseAddr(g); err == nil && addr.Is4() {
			e.Gateway = g
		} else {
			e.IPv6Gateway = g
		}
	}
	return e
}
