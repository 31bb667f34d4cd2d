package network

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cni"
)

// createFlags are the flags of network create, as they were typed.
type createFlags struct {
	driver, parent            string
	subnets, ranges, gateways []string
	internal                  bool
	mtu, vni, port            int
	local                     string
	peers, labels             []string
	dns, search, options      []string
}

func createCommand(h *hostapi.Host) *cobra.Command {
	f := &createFlags{}
	cmd := &cobra.Command{
		Use: "create [flags] NETWORK", Short: "Make a network", Args: cobra.ExactArgs(1),
		Long: `Make a network: a CNI configuration list below --root, and print its name.

  bridge   containers of this host on a bridge, masqueraded on their way out;
           host ports lead to them (mctr run -p)
  macvlan  an interface of their own on the network of --parent
  vxlan    a bridge on each of several hosts, joined by VXLAN: each host has the
           same --vni and --subnet, its own --ip-range, its own --local address
           and the others' as --peer`,
		Example: `  mctr network create blue
  mctr network create --subnet 10.9.0.0/24 --subnet fd00:9::/64 dual
  mctr network create --driver vxlan --vni 42 --subnet 10.5.0.0/16 --ip-range 10.5.1.0/24 \
    --local 192.0.2.1 --peer 192.0.2.2 overlay`,
		RunE: func(cmd *cobra.Command, args []string) error {
			definition, err := f.definition()
			if err != nil {
				return err
			}
			return eachNetwork(h, args, func(networks agent.Networks, name string) error {
				return networks.Create(cmd.Context(), name, definition)
			})
		},
	}
	f.register(cmd)
	return cmd
}

func (f *createFlags) register(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVarP(&f.driver, "driver", "d", cni.Bridge, "bridge, macvlan or vxlan")
	s.StringArrayVar(&f.subnets, "subnet", nil,
		"`PREFIX` of the addresses, one a family (default: a free /24 of 10.96.0.0/11)")
	s.StringArrayVar(&f.ranges, "ip-range", nil, "`PREFIX` within the subnet that this host gives out")
	s.StringArrayVar(&f.gateways, "gateway", nil, "`ADDRESS` of the bridge (default: the first of the range)")
	s.BoolVar(&f.internal, "internal", false, "no way out of the network")
	s.StringVar(&f.parent, "parent", "", "interface of the host that a macvlan is on")
	s.IntVar(&f.mtu, "mtu", 0, "bytes of a packet (default: the host's; with vxlan what fits)")
	s.IntVar(&f.vni, "vni", 0, "number of the overlay, 1 to 16777215")
	s.StringVar(&f.local, "local", "", "this host's `ADDRESS` for the overlay")
	s.StringArrayVar(&f.peers, "peer", nil, "another host's `ADDRESS` in the overlay")
	s.IntVar(&f.port, "port", 0, "UDP port of the overlay (default 4789)")
	s.StringArrayVarP(&f.labels, "label", "l", nil, "`KEY=VALUE`")
	s.StringArrayVar(&f.dns, "dns", nil, "name server's `ADDRESS` for the containers")
	s.StringArrayVar(&f.search, "dns-search", nil, "`DOMAIN` to look names up in")
	s.StringArrayVar(&f.options, "dns-option", nil, "option of resolv.conf")
	_ = cmd.RegisterFlagCompletionFunc("driver", flags.Words(cni.Bridge, cni.Macvlan, cni.VXLAN))
}

func (f *createFlags) definition() (d cni.Definition, err error) {
	d = cni.Definition{Driver: f.driver, Internal: f.internal, Parent: f.parent, MTU: f.mtu,
		DNS: mctr.DNS{Servers: f.dns, Search: f.search, Options: f.options}}
	if d.Labels, err = flags.Pairs("--label", f.labels, true); err != nil {
		return d, err
	}
	if d.Subnets, err = f.addresses(); err != nil {
		return d, err
	}
	if f.driver != cni.VXLAN {
		if f.vni != 0 || f.local != "" || len(f.peers) > 0 || f.port != 0 {
			return d, fmt.Errorf("%w: --vni, --local, --peer and --port are for --driver vxlan", mctr.ErrInvalid)
		}
		return d, nil
	}
	d.Overlay, err = f.overlay()
	return d, err
}

// addresses puts ranges and gateways to the subnets that they are in.
func (f *createFlags) addresses() ([]cni.Subnet, error) {
	var subnets []cni.Subnet
	for _, text := range f.subnets {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%w: --subnet %q: want a prefix as 10.9.0.0/24", mctr.ErrInvalid, text)
		}
		subnets = append(subnets, cni.Subnet{Subnet: p})
	}
	for _, text := range f.ranges {
		p, err := netip.ParsePrefix(text)
		s := subnetOf(subnets, p.Addr())
		if err != nil || s == nil {
			return nil, fmt.Errorf("%w: --ip-range %q: want a prefix within a --subnet", mctr.ErrInvalid, text)
		}
		s.Range = p
	}
	for _, text := range f.gateways {
		g, err := netip.ParseAddr(text)
		s := subnetOf(subnets, g)
		if err != nil || s == nil {
			return nil, fmt.Errorf("%w: --gateway %q: want an address within a --subnet", mctr.ErrInvalid, text)
		}
		s.Gateway = g
	}
	return subnets, nil
}

func subnetOf(subnets []cni.Subnet, addr netip.Addr) *cni.Subnet {
	for i := range subnets {
		if subnets[i].Subnet.Contains(addr) {
			return &subnets[i]
		}
	}
	return nil
}

func (f *createFlags) overlay() (*cni.Overlay, error) {
	o := &cni.Overlay{VNI: f.vni, Port: f.port}
	var err error
	if o.Local, err = netip.ParseAddr(f.local); err != nil {
		return nil, fmt.Errorf("%w: --local %q: want this host's address", mctr.ErrInvalid, f.local)
	}
	for _, text := range f.peers {
		p, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%w: --peer %q: want an address", mctr.ErrInvalid, text)
		}
		o.Peers = append(o.Peers, p)
	}
	if f.port < 0 || f.port > 65535 {
		return nil, fmt.Errorf("%w: --port %d: 1 to 65535", mctr.ErrInvalid, f.port)
	}
	return o, nil
}
