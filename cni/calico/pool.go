package calico

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mctr/mctr"
)

// A Pool is a range of addresses for containers.
type Pool struct {
	Name      string // a DNS name
	CIDR      string
	BlockSize int    // prefix length of a host's share; 0: Calico's default, 26 or 122
	Tunnel    string // between hosts: none, vxlan, vxlan-cross-subnet, ipip, ipip-cross-subnet; empty: none
	NAT       bool   // translate the source of packets that leave the pools to the host's
	Nodes     string // selector of the hosts that use the pool; empty: all
}

// tunnels are Calico's modes of VXLAN and IP in IP by the name of Pool.Tunnel.
var tunnels = map[string]struct {
	vxlan v3.VXLANMode
	ipip  v3.IPIPMode
}{
	"none":               {v3.VXLANModeNever, v3.IPIPModeNever},
	"vxlan":              {v3.VXLANModeAlways, v3.IPIPModeNever},
	"vxlan-cross-subnet": {v3.VXLANModeCrossSubnet, v3.IPIPModeNever},
	"ipip":               {v3.VXLANModeNever, v3.IPIPModeAlways},
	"ipip-cross-subnet":  {v3.VXLANModeNever, v3.IPIPModeCrossSubnet},
}

// Resource renders the pool. The error wraps mctr.ErrInvalid.
func (p *Pool) Resource() (*v3.IPPool, error) {
	tunnel := cmp.Or(p.Tunnel, "none")
	mode, ok := tunnels[tunnel]
	if !ok {
		return nil, fmt.Errorf("%w: tunnel %q: want one of %s", mctr.ErrInvalid, tunnel,
			strings.Join(slices.Sorted(maps.Keys(tunnels)), ", "))
	}
	r := v3.NewIPPool()
	r.ObjectMeta = metav1.ObjectMeta{Name: p.Name}
	r.Spec = v3.IPPoolSpec{
		CIDR: p.CIDR, BlockSize: p.BlockSize, NATOutgoing: p.NAT, NodeSelector: p.Nodes,
		VXLANMode: mode.vxlan, IPIPMode: mode.ipip,
	}
	return r, Check(r)
}

// TunnelOf returns the name of a pool's tunnel.
func TunnelOf(p *v3.IPPool) string {
	for name, mode := range tunnels {
		if mode.vxlan == cmp.Or(p.Spec.VXLANMode, v3.VXLANModeNever) &&
			mode.ipip == cmp.Or(p.Spec.IPIPMode, v3.IPIPModeNever) {
			return name
		}
	}
	return fmt.Sprintf("vxlan %s, ipip %s", p.Spec.VXLANMode, p.Spec.IPIPMode)
}
