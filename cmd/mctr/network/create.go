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

// createFlags has the values of the flags of network create.
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
		Use: "create [flags] NETWORK", Short: "Create a network", Args: cobra.ExactArgs(1),
		Long: `Create a network, a CNI configuration list below --root, and print its name.

  bridge   connects containers of this host with a bridge, masquerades their
           outgoing traffic, and can publish ports (mctr run -p)
  macvlan  gives each container an interface on the network of --parent
  vxlan    connects bridges on several hosts by VXLAN; all hosts have the same
           --vni and --subnet, and each has its own --ip-range, its own address
           as --local and the addresses of the others as --peer`,
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
		"`PREFIX` of the addresses, one per family (default: a free /24 of 10.96.0.0/11)")
	s.StringArrayVar(&f.ranges, "ip-range", nil, "`PREFIX` in the subnet, of the addresses that this host assigns")
	s.StringArrayVar(&f.gateways, "gateway", nil, "`ADDRESS` of the bridge (default: the first address of the range)")
	s.BoolVar(&f.internal, "internal", false, "no access from the network to other networks")
	s.StringVar(&f.parent, "parent", "", "interface of the host for a macvlan")
	s.IntVar(&f.mtu, "mtu", 0, "maximum packet size in bytes (default: that of the host; less for vxlan)")
	s.IntVar(&f.vni, "vni", 0, "VXLAN network identifier, 1 to 16777215")
	s.StringVar(&f.local, "local", "", "`ADDRESS` of this host in the overlay")
	s.StringArrayVar(&f.peers, "peer", nil, "`ADDRESS` of another host in the overlay")
	s.IntVar(&f.port, "port", 0, "UDP port of the overlay (default 4789)")
	s.StringArrayVarP(&f.labels, "label", "l", nil, "`KEY=VALUE`")
	s.StringArrayVar(&f.dns, "dns", nil, "`ADDRESS` of a name server for the containers")
	s.StringArrayVar(&f.search, "dns-search", nil, "search `DOMAIN` for names")
	s.StringArrayVar(&f.options, "dns-option", nil, "option for resolv.conf")
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
			return d, fmt.Errorf("%w: --vni, --local, --peer and --port need --driver vxlan", mctr.ErrInvalid)
		}
		return d, nil
	}
	d.Overlay, err = f.overlay()
	return d, err
}

// addresses returns the subnets, each with the range and gateway that lie in it.
func (f *createFlags) addresses() ([]cni.Subnet, error) {
	var subnets []cni.Subnet
	for _, text := range f.subnets {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%w: --subnet %q: want a prefix such as 10.9.0.0/24", mctr.ErrInvalid, text)
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
		return nil, fmt.Errorf("%w: --local %q: want an address of this host", mctr.ErrInvalid, f.local)
	}
	for _, text := range f.peers {
		p, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%w: --peer %q: want an address", mctr.ErrInvalid, text)
		}
		o.Peers = append(o.Peers, p)
	}
	if f.port < 0 || f.port > 65535 {
		return nil, fmt.Errorf("%w: --port %d: want 1 to 65535", mctr.ErrInvalid, f.port)
	}
	return o, nil
}
