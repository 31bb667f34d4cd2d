package cni

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// mesosArgs is the key under which Mesos' network/cni isolator tells plugins about a task's
// network: args["org.apache.mesos"].network_info is the NetworkInfo of mesos.proto in JSON.
const mesosArgs = "org.apache.mesos"

// argsOf returns CNI_ARGS: IgnoreUnknown and, for plugins that lack the capability, the requested
// address and MAC (CNI conventions).
func argsOf(r Request) [][2]string {
	args := [][2]string{{"IgnoreUnknown", "1"}}
	if len(r.Config.IPs) > 0 && !r.Network.Has("ips") {
		args = append(args, [2]string{"IP", strings.Join(r.Config.IPs, ",")})
	}
	if r.Config.MAC != "" && !r.Network.Has("mac") {
		args = append(args, [2]string{"MAC", r.Config.MAC})
	}
	return args
}

// capabilitiesOf returns the capability arguments. libcni passes each plugin those that the plugin
// has declared.
func capabilitiesOf(r Request, ports []mctr.Port) map[string]any {
	args := map[string]any{}
	if len(r.Config.IPs) > 0 {
		args["ips"] = r.Config.IPs
	}
	if r.Config.MAC != "" {
		args["mac"] = r.Config.MAC
	}
	var mappings []map[string]any
	for _, p := range ports {
		mappings = append(mappings, map[string]any{"hostPort": p.HostPort, "containerPort": p.ContainerPort,
			"protocol": p.Protocol, "hostIP": p.HostIP})
	}
	if mappings != nil {
		args["portMappings"] = mappings
	}
	if b := r.Config.Bandwidth; b != nil {
		args["bandwidth"] = bandwidthOf(b)
	}
	if d := r.DNS; len(d.Servers)+len(d.Search)+len(d.Options) > 0 {
		args["dns"] = map[string]any{"servers": d.Servers, "searches": d.Search, "options": d.Options}
	}
	return args
}

// bandwidthOf returns the capability argument of the CNI conventions. It needs a burst for each
// rate: the amount that the rate passes in a tenth of a second.
func bandwidthOf(b *mctr.Bandwidth) map[string]any {
	args := map[string]any{}
	for name, rate := range map[string]uint64{"ingress": b.IngressRate, "egress": b.EgressRate} {
		if rate > 0 {
			args[name+"Rate"], args[name+"Burst"] = rate, max(rate/10, 8*1500)
		}
	}
	return args
}

// withLabels returns the network's configuration for this container's plugins. If the request has
// labels, the configuration has Mesos' network_info in each plugin's args. The other args stay.
func withLabels(r Request) (json.RawMessage, error) {
	if len(r.Config.Labels) == 0 {
		return r.Network.Bytes(), nil
	}
	top := map[string]any{}
	if err := json.Unmarshal(r.Network.Bytes(), &top); err != nil {
		return nil, err
	}
	plugins, _ := top["plugins"].([]any)
	for _, p := range plugins {
		if plugin, ok := p.(map[string]any); ok {
			args, _ := plugin["args"].(map[string]any)
			if args == nil {
				args = map[string]any{}
			}
			args[mesosArgs] = map[string]any{"network_info": networkInfo(r)}
			plugin["args"] = args
		}
	}
	return json.Marshal(top)
}

func networkInfo(r Request) map[string]any {
	info := map[string]any{"name": r.Network.Name}
	var labels []map[string]string
	for _, key := range slices.Sorted(maps.Keys(r.Config.Labels)) {
		labels = append(labels, map[string]string{"key": key, "value": r.Config.Labels[key]})
	}
	info["labels"] = map[string]any{"labels": labels}
	var addresses []map[string]string
	for _, ip := range r.Config.IPs {
		if prefix, err := netip.ParsePrefix(ip); err == nil {
			ip = prefix.Addr().String()
		}
		addresses = append(addresses, map[string]string{"ip_address": ip})
	}
	if addresses != nil {
		info["ip_addresses"] = addresses
	}
	var mappings []map[string]any
	for _, p := range r.Ports {
		mappings = append(mappings,
			map[string]any{"host_port": p.HostPort, "container_port": p.ContainerPort, "protocol": p.Protocol})
	}
	if mappings != nil {
		info["port_mappings"] = mappings
	}
	return info
}
