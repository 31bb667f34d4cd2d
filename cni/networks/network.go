package networks

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/utils"
	"github.com/containernetworking/cni/pkg/version"

	"github.com/mctr/mctr"
)

// A Network is a configuration list as it was read from its file.
type Network struct {
	Name       string
	File       string
	Definition *Definition // the definition of a network that mctr made; nil for an operator's

	list *libcni.NetworkConfigList
}

// List returns the list in libcni's form.
func (n *Network) List() *libcni.NetworkConfigList { return n.list }

// Version returns the CNI version of the list, which is the version of all calls of its plugins.
func (n *Network) Version() string { return n.list.CNIVersion }

// Bytes returns the whole list, including plugins that have files of their own.
func (n *Network) Bytes() []byte { return n.list.Bytes }

// Plugins returns the types of the list's plugins in order, without IPAM plugins.
func (n *Network) Plugins() []string {
	var types []string
	for _, p := range n.list.Plugins {
		types = append(types, p.Network.Type)
	}
	return types
}

// programs returns all plugins that an ADD runs, including IPAM plugins.
func (n *Network) programs() []string {
	var programs []string
	for _, p := range n.list.Plugins {
		programs = append(programs, p.Network.Type)
		if p.Network.IPAM.Type != "" {
			programs = append(programs, p.Network.IPAM.Type)
		}
	}
	return programs
}

// Has reports whether one of the plugins declares the capability (CNI conventions: portMappings,
// bandwidth, dns, ips, mac, ...).
func (n *Network) Has(capability string) bool {
	return slices.ContainsFunc(n.list.Plugins,
		func(p *libcni.PluginConfig) bool { return p.Network.Capabilities[capability] })
}

// newNetwork checks a list that libcni has read: its name, its version and the types of its
// plugins.
func newNetwork(file string, list *libcni.NetworkConfigList) (*Network, error) {
	if err := utils.ValidateNetworkName(list.Name); err != nil {
		return nil, fmt.Errorf("%w: network name %q: %w", mctr.ErrInvalid, list.Name, err)
	}
	if newer, err := version.GreaterThan(list.CNIVersion, version.Current()); err != nil || newer {
		return nil, fmt.Errorf("%w: network %s: cniVersion %q: mctr knows versions up to %s", mctr.ErrUnsupported,
			list.Name, list.CNIVersion, version.Current())
	}
	for i, p := range list.Plugins {
		if p.Network.Type == "" {
			return nil, fmt.Errorf("%w: network %s: plugin %d has no type", mctr.ErrInvalid, list.Name, i)
		}
	}
	n := &Network{Name: list.Name, File: file, list: list}
	return n, n.mergePlugins()
}

// mergePlugins copies plugins that have files of their own (CNI 1.1.0) into the bytes of the list.
// DEL needs the configuration of the ADD, and those files may have been removed by then.
func (n *Network) mergePlugins() error {
	var top struct {
		Mctr    *Definition       `json:"mctr"`
		Plugins []json.RawMessage `json:"plugins"`
	}
	if err := json.Unmarshal(n.list.Bytes, &top); err != nil {
		return fmt.Errorf("%w: network %s: %w", mctr.ErrInvalid, n.Name, err)
	}
	if n.Definition = top.Mctr; len(top.Plugins) == len(n.list.Plugins) {
		return nil
	}
	raw := map[string]any{}
	if err := json.Unmarshal(n.list.Bytes, &raw); err != nil {
		return err
	}
	plugins := make([]json.RawMessage, len(n.list.Plugins))
	for i, p := range n.list.Plugins {
		plugins[i] = p.Bytes
	}
	raw["plugins"], raw["loadOnlyInlinedPlugins"] = plugins, true
	data, err := json.Marshal(raw)
	n.list.Bytes = data
	return err
}

// Parse reads a list from bytes that Network.Bytes returned.
func Parse(data []byte) (*Network, error) {
	list, err := libcni.NetworkConfFromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	if len(list.Plugins) == 0 {
		return nil, fmt.Errorf("%w: network %s has no plugins", mctr.ErrInvalid, list.Name)
	}
	return newNetwork("", list)
}
