package api

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/mctr/mctr"
)

// A NetworkInfo is a CNI network to attach the container to.
type NetworkInfo struct {
	Name         string        `json:"name,omitempty"`
	IPAddresses  []IPAddress   `json:"ip_addresses,omitempty"` // fixed addresses, at most one of each family
	Labels       *Labels       `json:"labels,omitempty"`
	PortMappings []PortMapping `json:"port_mappings,omitempty"`

	Groups json.RawMessage `json:"groups,omitempty"`
}

// An IPAddress is a fixed address for the container.
type IPAddress struct {
	Protocol  string `json:"protocol,omitempty"` // IPv4 or IPv6; follows from the address
	IPAddress string `json:"ip_address,omitempty"`
}

// Labels is a list of labels.
type Labels struct {
	Labels []Label `json:"labels,omitempty"`
}

// A Label is a key and its value.
type Label struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

// A PortMapping publishes a port of the container on the host.
type PortMapping struct {
	HostPort      uint16 `json:"host_port"`
	ContainerPort uint16 `json:"container_port"`
	Protocol      string `json:"protocol,omitempty"` // tcp (default), udp or sctp
}

// networks copies the networks to the config. Without any, the config keeps the network of the host
// or parent that the caller has set.
func (c *ContainerInfo) networks(config *mctr.ContainerConfig, nested bool) error {
	if len(c.NetworkInfos) > 0 && nested {
		return refused("container.network_infos", "a nested container uses the network of its parent")
	}
	for _, info := range c.NetworkInfos {
		if given(info.Groups) {
			return refused("network_infos.groups", "plugins select containers by labels")
		}
		if info.Name == "" {
			return fmt.Errorf("%w: container.network_infos: a network has no name", mctr.ErrInvalid)
		}
		config.Network = ""
		config.Networks = append(config.Networks, info.config())
		for _, p := range info.PortMappings {
			config.Ports = append(config.Ports,
				mctr.Port{HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: cmp.Or(p.Protocol, "tcp")})
		}
	}
	return nil
}

func (i *NetworkInfo) config() mctr.NetworkConfig {
	network := mctr.NetworkConfig{Name: i.Name}
	for _, ip := range i.IPAddresses {
		if ip.IPAddress != "" {
			network.IPs = append(network.IPs, ip.IPAddress)
		}
	}
	if i.Labels != nil {
		network.Labels = map[string]string{}
		for _, l := range i.Labels.Labels {
			network.Labels[l.Key] = l.Value
		}
	}
	return network
}
