package network

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"strings"

	"github.com/mctr/mctr/benchmarks/compare"
)

// Facts are the facts of a host on which its figures depend.
type Facts struct {
	Kernel  string `json:"kernel"`
	Cores   int    `json:"cores"`
	Cgroups string `json:"cgroups"`
	Load    string `json:"load"`  // load averages of 1, 5 and 15 minutes
	Rules   int    `json:"rules"` // rules of the firewall, which checks every packet of the host
	IPerf   string `json:"iperf"`
}

// Facts returns the facts of this host.
func (*Side) Facts(context.Context) (*Facts, error) {
	f := &Facts{Kernel: compare.Kernel(), Cores: runtime.NumCPU(), Cgroups: compare.Cgroups(),
		Load: compare.LoadAverage(), Rules: rules()}
	out, err := exec.Command("iperf3", "--version").Output()
	f.IPerf, _, _ = strings.Cut(string(out), "\n")
	return f, err
}

// rules counts the rules of both variants of iptables.
func rules() (n int) {
	for _, save := range []string{"iptables-nft-save", "iptables-legacy-save"} {
		out, _ := exec.Command(save).Output() // a host without the program has no rules
		n += bytes.Count(out, []byte("\n-A "))
	}
	return n
}
