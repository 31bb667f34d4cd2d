package main

import (
	"strconv"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cni/calico"
	"github.com/mctr/mctr/internal/commandline"
)

func (a *app) poolCommand() *cobra.Command {
	at := func() address { return address{kind: v3.KindIPPool} }
	list, show, remove := a.listCommand("pools", []string{v3.KindIPPool}, poolColumns), a.showCommand("a pool", at),
		a.removeCommand("pools", at)
	list.Example = "  mctr network pool ls"
	show.Example = "  mctr network pool show tasks"
	remove.Long = "Delete pools. Containers keep their addresses, but can no longer be reached from other\n" +
		"hosts."
	remove.Example = "  mctr network pool rm tasks"
	cmd := commandline.Group("pool", "Manage address pools of a Calico network", a.poolCreateCommand(), list, show,
		remove)
	cmd.Example = "  mctr network pool create tasks --cidr 10.1.0.0/16 --tunnel vxlan --nat\n  mctr network pool ls"
	return cmd
}

func (a *app) poolCreateCommand() *cobra.Command {
	p := calico.Pool{}
	var dry bool
	cmd := &cobra.Command{
		Use:   "create [flags] NAME --cidr NETWORK",
		Short: "Create an address pool",
		Long: `Create an address pool. Every host reserves a block of it when it needs addresses. Pools
must not overlap. With a tunnel, the hosts need no routes to each other's containers;
Felix restarts when the first tunnel is added or the last one removed.`,
		Example: "  mctr network pool create tasks --cidr 10.1.0.0/16 --tunnel vxlan --nat",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name = args[0]
			r, err := p.Resource()
			if err != nil {
				return err
			}
			return a.keep(cmd.Context(), (*calico.Client).Create, dry, r)
		},
	}
	set := cmd.Flags()
	set.StringVar(&p.CIDR, "cidr", "", "`NETWORK` of the addresses")
	set.StringVar(&p.Tunnel, "tunnel", "none",
		"tunnel between hosts: none, vxlan, vxlan-cross-subnet, ipip, ipip-cross-subnet")
	set.IntVar(&p.BlockSize, "block-size", 0, "prefix `LENGTH` of a block that a host reserves (default 26, IPv6 122)")
	set.BoolVar(&p.NAT, "nat", false, "masquerade traffic to addresses outside the pools")
	set.StringVar(&p.Nodes, "nodes", "", "`SELECTOR` of the hosts that may use the pool (default: all)")
	set.BoolVar(&dry, "dry-run", false, "print the resource without applying it")
	_ = cmd.MarkFlagRequired("cidr")
	return cmd
}

var poolColumns = []column{
	{"NAME", calico.Resource.GetName},
	{"CIDR", func(r calico.Resource) string { return poolOf(r).Spec.CIDR }},
	{"BLOCKS", func(r calico.Resource) string { return "/" + strconv.Itoa(poolOf(r).Spec.BlockSize) }},
	{"TUNNEL", func(r calico.Resource) string { return calico.TunnelOf(poolOf(r)) }},
	{"NAT", func(r calico.Resource) string { return strconv.FormatBool(poolOf(r).Spec.NATOutgoing) }},
	{"NODES", func(r calico.Resource) string { return poolOf(r).Spec.NodeSelector }},
}

// poolOf returns r, which is in a list of pools, with its type.
func poolOf(r calico.Resource) *v3.IPPool { return r.(*v3.IPPool) }
