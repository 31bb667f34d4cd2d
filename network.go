package mctr

import (
	"fmt"
	"net"
	"strconv"
)

// The values of a ContainerConfig's Network, besides "container:ID".
const (
	NetworkNone   = "none"
	NetworkHost   = "host"
	NetworkParent = "parent"
	// JoinNetwork begins the network of a container that joins another's.
	JoinNetwork = "container:"
)

// A NetworkConfig is a CNI network to which a container is attached.
type NetworkConfig struct {
	Name string   `json:"name"`
	IPs  []string `json:"ips,omitempty"` // fixed addresses, with or without a prefix length, at most one a family
	MAC  string   `json:"mac,omitempty"`
	// Labels are passed to the network's plugins as Mesos passes NetworkInfo.labels:
	// args["org.apache.mesos"].network_info. Calico selects by them.
	Labels    map[string]string `json:"labels,omitempty"`
	Bandwidth *Bandwidth        `json:"bandwidth,omitempty"` // nil: no limit
}

// Bandwidth limits an interface, in bits per second; 0 is no limit. Ingress is the traffic to the
// container.
type Bandwidth struct {
	IngressRate uint64 `json:"ingress_rate,omitempty"`
	EgressRate  uint64 `json:"egress_rate,omitempty"`
}

// A Port is a port of the host that leads to a port of the container.
type Port struct {
	HostIP   string `json:"host_ip,omitempty"`   // default: every address of the host
	HostPort uint16 `json:"host_port,omitempty"` // 0: a free one is chosen
	// HostPortEnd makes HostPort the first of a range, from which a free port is chosen.
	HostPortEnd   uint16 `json:"host_port_end,omitempty"`
	ContainerPort uint16 `json:"container_port"`
	Protocol      string `json:"protocol"` // tcp, udp or sctp
}

// String returns docker's form: 0.0.0.0:8080->80/tcp.
func (p Port) String() string {
	inside := fmt.Sprintf("%d/%s", p.ContainerPort, p.Protocol)
	if p.HostPort == 0 && p.HostIP == "" {
		return inside
	}
	return p.HostAddress() + "->" + inside
}

// HostAddress returns the host's end, as 0.0.0.0:8080 or [::1]:8080-8090.
func (p Port) HostAddress() string {
	port := strconv.Itoa(int(p.HostPort))
	if p.HostPortEnd > p.HostPort {
		port += "-" + strconv.Itoa(int(p.HostPortEnd))
	}
	ip := p.HostIP
	if ip == "" {
		ip = "0.0.0.0"
	}
	return net.JoinHostPort(ip, port)
}

// DNS is the content of resolv.conf(5).
type DNS struct {
	Servers []string `json:"servers,omitempty"` // addresses
	Search  []string `json:"search,omitempty"`
	Options []string `json:"options,omitempty"`
}

// A Network is one interface of a container.
type Network struct {
	Name      string   `json:"name"`              // of the network
	Interface string   `json:"interface"`         // eth0, eth1, ...
	Addresses []string `json:"addresses"`         // with their prefix lengths
	Gateways  []string `json:"gateways"`          // at most one of each address family
	MAC       string   `json:"mac"`               // empty if the plugin did not report it
	Failure   string   `json:"failure,omitempty"` // why it could not be taken away, after the container's end
}
