package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/network/load"
)

// Where a loader is.
const (
	Direct    = "direct"    // a process of the host's
	Host      = "host"      // a container on the host's network
	Published = "published" // a container on a bridge, reached by a port of its host's
	Attached  = "attached"  // a container reached by its own address
)

// The networks that a host can prepare.
const (
	noNetwork   = ""
	bridgeNet   = "bench-bridge"
	vxlanNet    = "bench-vxlan"
	udpNet      = "bench-udp"
	sealedNet   = "bench-sealed"
	calicoNet   = "bench-calico"
	calicoVXLAN = "bench-calico-vxlan"
)

// A Case is one way from a client to a server.
type Case struct {
	Name           string `json:"name"`
	Client, Server string `json:"-"` // where they are
	Network        string `json:"-"`
	// throughput in the table that users asked with, as a ratio; 0: none
	Seed      float64 `json:"seed,omitempty"`
	Imitation string  `json:"imitation,omitempty"` // what it stands for and is not
}

// Baseline is what everything is told as a ratio of.
var Baseline = Case{Name: "direct-direct", Client: Direct, Server: Direct, Seed: 1}

// Cases are all, in the order of the table. The first is the baseline against
// itself: what it differs from 1 by is noise.
var Cases = []Case{
	{Name: "direct-direct (A/A)", Client: Direct, Server: Direct, Seed: 1},
	{Name: "direct-host", Client: Direct, Server: Host, Seed: 0.99},
	{Name: "direct-bridge", Client: Direct, Server: Published, Network: bridgeNet, Seed: 0.88},
	{Name: "bridge-bridge", Client: Attached, Server: Published, Network: bridgeNet, Seed: 0.83},
	{Name: "vxlan-vxlan", Client: Attached, Server: Attached, Network: vxlanNet, Seed: 0.43},
	{Name: "calico-calico", Client: Attached, Server: Attached, Network: calicoNet, Seed: 0.87},
	{Name: "calico-vxlan", Client: Attached, Server: Attached, Network: calicoVXLAN},
	{Name: "udp-udp", Client: Attached, Server: Attached, Network: udpNet,
		Imitation: "of flannel's udp backend: a process of ours with a tun interface"},
	{Name: "sealed-sealed", Client: Attached, Server: Attached, Network: sealedNet, Seed: 0.044,
		Imitation: "of Weave's encrypted overlay: the same process with AES-GCM"},
}

// impossible are cases that this bench has no way to run, and why.
var impossible = map[string]string{
	"calico-ipip": "IP in IP needs the kernel's ipip module, and Calico's data path of it is not built here",
}

// Choose gives the cases whose names begin as asked; none asked for are all.
func Choose(names []string) ([]Case, error) {
	if len(names) == 0 {
		return Cases, nil
	}
	chosen := []Case{Cases[0]} // the noise is always wanted
	for _, name := range names {
		i := slices.IndexFunc(Cases, func(c Case) bool { return strings.HasPrefix(c.Name, name) })
		if i < 0 {
			return nil, fmt.Errorf("%w: case %q: %s", mctr.ErrInvalid, name, Names())
		}
		if i > 0 {
			chosen = append(chosen, Cases[i])
		}
	}
	return chosen, nil
}

// Names lists the cases.
func Names() string {
	var names []string
	for _, c := range Cases[1:] {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// ports of the n-th case: they differ, since several cases share the host's.
func ports(n int) load.Ports {
	return load.Ports{TCP: 20000 + 10*n, UDP: 20001 + 10*n, Stream: 20002 + 10*n}
}
