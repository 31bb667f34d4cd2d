package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/network/load"
)

// The places of a loader.
const (
	Direct    = "direct"    // a process of the host
	Host      = "host"      // a container on the host's network
	Published = "published" // a container on a bridge, reached through a port of its host
	Attached  = "attached"  // a container, reached by its own address
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
	Client, Server string `json:"-"` // their places
	Network        string `json:"-"`
	// the throughput, as a ratio, in the table of the users who asked for this bench; 0: none
	Seed      float64 `json:"seed,omitempty"`
	Imitation string  `json:"imitation,omitempty"` // what the case imitates
}

// Baseline is the case to which all others are compared.
var Baseline = Case{Name: "direct-direct", Client: Direct, Server: Direct, Seed: 1}

// Cases are all cases in the order of the table. The first compares the baseline with itself: its
// difference from 1 is the noise.
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

// impossible has the cases that this bench cannot run, with the reasons.
var impossible = map[string]string{
	"calico-ipip": "IP in IP needs the kernel's ipip module, and Calico's data path of it is not built here",
}

// Choose returns the cases whose names begin with one of names; all cases for no names.
func Choose(names []string) ([]Case, error) {
	if len(names) == 0 {
		return Cases, nil
	}
	chosen := []Case{Cases[0]} // the noise is always measured
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

// Names returns the names of the cases.
func Names() string {
	var names []string
	for _, c := range Cases[1:] {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// ports returns the ports of the n-th case. The cases have different ports, because several of them
// share the host's network.
func ports(n int) load.Ports {
	return load.Ports{TCP: 20000 + 10*n, UDP: 20001 + 10*n, Stream: 20002 + 10*n}
}
