package networks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containernetworking/cni/pkg/utils"
	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/plaintext"
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

// Create makes a network. The error wraps mctr.ErrExists if the name is in use.
func (s *Store) Create(ctx context.Context, name string, d Definition) (*Network, error) {
	if err := utils.ValidateNetworkName(name); err != nil {
		return nil, fmt.Errorf("%w: network name %q: %w", mctr.ErrInvalid, name, err)
	}
	if err := plaintext.Check(d); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	if len(name) > maxName {
		return nil, fmt.Errorf("%w: network name %.20q...: more than %d bytes", mctr.ErrInvalid, name, maxName)
	}
	if slices.Contains(reserved, name) {
		return nil, fmt.Errorf("%w: network name %q means something else as config.network", mctr.ErrInvalid, name)
	}
	lock, err := s.lockDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if other, err := s.Find(name); err == nil {
		return nil, fmt.Errorf("%w: network %s (%s)", mctr.ErrExists, name, other.File)
	}
	file := filepath.Join(s.Dir(), name+".conflist")
	if _, err := os.Lstat(file); err == nil { // the file has a mistake, which its author may correct
		return nil, fmt.Errorf("%w: %s, from which no network %s can be read", mctr.ErrExists, file, name)
	}
	chosen := len(d.Subnets) == 0
	if err := s.complete(name, &d); err != nil {
		return nil, err
	}
	if err := s.write(ctx, name, file, &d); err != nil {
		return nil, err
	}
	if chosen && d.Driver == Bridge && !d.Internal {
		if err := s.claimSubnet(ctx, name, file, &d); err != nil {
			return nil, errors.Join(err, os.Remove(file))
		}
	}
	return Read(file)
}

// write writes the network's list.
func (s *Store) write(ctx context.Context, name, file string, d *Definition) (err error) {
	list := s.listOf(name, d)
	if list["cniVersion"], err = s.commonVersion(ctx, list); err != nil {
		return err
	}
	data, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteDurable(file, append(data, '\n'), 0o644)
}

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

// complete checks a definition and sets the fields that it leaves empty.
func (s *Store) complete(name string, d *Definition) error {
	if err := d.check(); err != nil {
		return err
	}
	d.Created, d.GC = time.Now().UTC(), true
	switch d.Driver {
	case "", Bridge:
		d.Driver = Bridge
	case Macvlan:
		if _, err := netlink.LinkByName(d.Parent); err != nil {
			return fmt.Errorf("%w: definition.parent: interface %q: %w", mctr.ErrInvalid, d.Parent, err)
		}
	case VXLAN:
		if err := s.completeOverlay(name, d); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: definition.driver %s: bridge, macvlan or vxlan", mctr.ErrInvalid, d.Driver)
	}
	if d.Parent != "" && d.Driver != Macvlan {
		return fmt.Errorf("%w: definition.parent is for macvlan", mctr.ErrInvalid)
	}
	if d.MTU != 0 && (d.MTU < 576 || d.MTU > 65535) {
		return fmt.Errorf("%w: MTU %d: 576 to 65535", mctr.ErrInvalid, d.MTU)
	}
	if d.Driver != Macvlan {
		d.Bridge = s.interfaceOf("mctr-", name)
	}
	return s.completeSubnets(d)
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

// Remove removes a network that mctr made, with its interfaces on the host. It fails if a container
// is attached to the network, and names the container.
func (s *Store) Remove(ctx context.Context, name string) error {
	lock, err := s.lockDefinitions(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	network, err := s.Find(name)
	if err != nil {
		return err
	}
	if filepath.Dir(network.File) != s.Dir() || network.Definition == nil {
		return fmt.Errorf("%w: network %s is not mctr's: remove %s", mctr.ErrState, name, network.File)
	}
	release, err := s.Hold(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	for _, link := range network.Definition.links() {
		if err := removeLink(link); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(s.addresses(), name)); err != nil {
		return err
	}
	if err := os.Remove(network.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// links returns the host's interfaces that belong to this network alone.
func (d *Definition) links() []string {
	var links []string
	if d.Overlay != nil {
		links = append(links, d.Overlay.Device)
	}
	if d.Bridge != "" {
		links = append(links, d.Bridge)
	}
	return links
}
