package networks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/mctr/mctr"
)

// The drivers of a Definition. A driver decides which plugins make the network.
const (
	Bridge  = "bridge"  // a bridge of this host's, its containers masqueraded
	Macvlan = "macvlan" // interfaces of their own on one of the host's
	VXLAN   = "vxlan"   // a bridge on every host, joined by the kernel's VXLAN
)

// A Definition describes a network that mctr makes. It is stored in the network's list under the
// key "mctr", which plugins do not see.
type Definition struct {
	Driver   string            `json:"driver,omitempty"`
	Created  time.Time         `json:"created,omitzero"`
	Labels   map[string]string `json:"labels,omitempty"`
	Internal bool              `json:"internal,omitempty"` // no way out: no default route, no masquerading
	Subnets  []Subnet          `json:"subnets,omitempty"`  // one for each address family; empty: a free IPv4 subnet
	Parent   string            `json:"parent,omitempty"`   // an interface of the host, for macvlan
	MTU      int               `json:"mtu,omitempty"`      // 0: the largest that fits
	Bridge   string            `json:"bridge,omitempty"`   // the name of the interface; chosen by mctr
	Overlay  *Overlay          `json:"overlay,omitempty"`
	DNS      mctr.DNS          `json:"dns,omitzero"` // for containers whose plugins name no servers
	GC       bool              `json:"gc,omitempty"` // only this root uses the plugins' stores: see Networks.GC
}

// A Subnet is a range of a network's addresses.
type Subnet struct {
	Subnet  netip.Prefix `json:"subnet"`
	Range   netip.Prefix `json:"range,omitzero"`   // the part that this host assigns; default: all
	Gateway netip.Addr   `json:"gateway,omitzero"` // default: the first address of Range
}

// interfaceOf names an interface of the host for a network of this root. The name fits in the
// kernel's 15 characters, and differs from the name for another root's network of the same name.
func (s *Store) interfaceOf(prefix, network string) string {
	sum := sha256.Sum256([]byte(s.Root + "\x00" + network))
	return prefix + hex.EncodeToString(sum[:4])
}

// maxName limits the bytes of a network's name, so that it fits in a file name with a suffix.
const maxName = 200

// reserved are names that have another meaning on the command line.
var reserved = []string{mctr.NetworkNone, mctr.NetworkHost, mctr.NetworkParent,
	strings.TrimSuffix(mctr.JoinNetwork, ":"), "default"}

// check refuses fields that mctr sets itself, and name servers that are not addresses.
func (d *Definition) check() error {
	if !d.Created.IsZero() || d.Bridge != "" || d.GC || d.Overlay != nil && d.Overlay.Device != "" {
		return fmt.Errorf("%w: a definition cannot set created, gc or the names of interfaces",
			mctr.ErrInvalid)
	}
	for _, server := range d.DNS.Servers {
		if _, err := netip.ParseAddr(server); err != nil {
			return fmt.Errorf("%w: definition.dns.servers %q is not an address", mctr.ErrInvalid, server)
		}
	}
	return nil
}

// listOf returns the definition as a CNI configuration list.
func (s *Store) listOf(name string, d *Definition) map[string]any {
	var plugins []map[string]any
	ipam := s.ipamOf(name, d)
	switch d.Driver {
	case Macvlan:
		plugins = append(plugins,
			map[string]any{"type": "macvlan", "master": d.Parent, "ipam": ipam,
				"capabilities": map[string]bool{"ips": true, "mac": true}})
	default:
		plugins = append(plugins, map[string]any{
			"type": "bridge", "bridge": d.Bridge, "isGateway": !d.Internal, "ipMasq": !d.Internal, "hairpinMode": true,
			"ipam": ipam, "capabilities": map[string]bool{"ips": true, "mac": true},
		})
		if !d.Internal {
			plugins = append(plugins,
				map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}, "snat": true})
		}
		plugins = append(plugins, map[string]any{"type": "firewall"},
			map[string]any{"type": "bandwidth", "capabilities": map[string]bool{"bandwidth": true}})
	}
	if d.MTU > 0 {
		plugins[0]["mtu"] = d.MTU
	}
	return map[string]any{"cniVersion": newestVersion, "name": name, "plugins": plugins, "mctr": d}
}

// ipamOf returns the configuration of the IPAM plugin. The addresses have a store of this root's
// own.
func (s *Store) ipamOf(name string, d *Definition) map[string]any {
	var ranges [][]map[string]any
	var routes []map[string]any
	for _, subnet := range d.Subnets {
		r := map[string]any{"subnet": subnet.Subnet, "gateway": subnet.Gateway}
		if subnet.Range.IsValid() && subnet.Range != subnet.Subnet {
			r["rangeStart"], r["rangeEnd"] = firstHost(subnet.Range), lastHost(subnet.Range)
		}
		ranges = append(ranges, []map[string]any{r})
		if !d.Internal {
			routes = append(routes, map[string]any{"dst": defaultDestination(subnet.Subnet)})
		}
	}
	ipam := map[string]any{"type": "host-local", "ranges": ranges, "dataDir": s.addresses()}
	if routes != nil {
		ipam["routes"] = routes
	}
	return ipam
}

func (s *Store) addresses() string { return filepath.Join(s.Root, "addresses") }
