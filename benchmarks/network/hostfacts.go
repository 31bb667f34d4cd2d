package network

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"strings"

	"github.com/mctr/mctr/benchmarks/compare"
)

// Facts are what figures of a host depend on.
type Facts struct {
	Kernel  string `json:"kernel"`
	Cores   int    `json:"cores"`
	Cgroups string `json:"cgroups"`
	Load    string `json:"load"`  // averages of 1, 5 and 15 minutes
	Rules   int    `json:"rules"` // of the firewall, which every packet of the host meets
	IPerf   string `json:"iperf"`
}

// Facts looks at the host.
func (*Side) Facts(context.Context) (*Facts, error) {
	f := &Facts{Kernel: compare.Kernel(), Cores: runtime.NumCPU(), Cgroups: compare.Cgroups(),
		Load: compare.LoadAverage(), Rules: rules()}
	out, err := exec.Command("iperf3", "--version").Output()
	f.IPerf, _, _ = strings.Cut(string(out), "\n")
	return f, err
}

// rules counts those of iptables' tables, of both of its kinds.
func rules() (n int) {
	for _, save := range []string{"iptables-nft-save", "iptables-legacy-save"} {
		out, _ := exec.Command(save).Output() // a kernel or host without it has none
		n += bytes.Count(out, []byte("\n-A "))
	}
	return n
}
