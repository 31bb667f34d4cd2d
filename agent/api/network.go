package api

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/mctr/mctr"
)

// A NetworkInfo is a CNI network that the container is attached to.
type NetworkInfo struct {
	Name         string        `json:"name,omitempty"`
	IPAddresses  []IPAddress   `json:"ip_addresses,omitempty"` // fixed ones, at most one a family
	Labels       *Labels       `json:"labels,omitempty"`
	PortMappings []PortMapping `json:"port_mappings,omitempty"`

	Groups json.RawMessage `json:"groups,omitempty"`
}

// An IPAddress is one that is asked for.
type IPAddress struct {
	Protocol  string `json:"protocol,omitempty"` // IPv4 or IPv6; the address says it too
	IPAddress string `json:"ip_address,omitempty"`
}

// Labels are keys with values.
type Labels struct {
	Labels []Label `json:"labels,omitempty"`
}

// A Label is a key and its value.
type Label struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

// A PortMapping leads a port of the host to the container.
type PortMapping struct {
	HostPort      uint16 `json:"host_port"`
	ContainerPort uint16 `json:"container_port"`
	Protocol      string `json:"protocol,omitempty"` // tcp (default), udp or sctp
}

// networks gives the config the networks; one without is in the host's, or its
// parent's, as its caller has it.
func (c *ContainerInfo) networks(config *mctr.ContainerConfig, nested bool) error {
	if len(c.NetworkInfos) > 0 && nested {
		return refused("container.network_infos", "a nested container is in its parent's network")
	}
	for _, info := range c.NetworkInfos {
		if given(info.Groups) {
			return refused("network_infos.groups", "labels are what plugins select by")
		}
		if info.Name == "" {
			return fmt.Errorf("%w: container.network_infos: a network without a name", mctr.ErrInvalid)
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
