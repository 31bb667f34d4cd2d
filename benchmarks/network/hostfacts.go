package network

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
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
	f := &Facts{Cores: runtime.NumCPU(), Cgroups: "v1", Load: loadAverage(), Rules: rules()}
	if cgroup.Unified() {
		f.Cgroups = "v2"
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		f.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	out, err := exec.Command("iperf3", "--version").Output()
	line, _, _ := strings.Cut(string(out), "\n")
	f.IPerf = line
	return f, err
}

func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:3], " ")
}

// rules counts those of iptables' tables, of both of its kinds.
func rules() (n int) {
	for _, save := range []string{"iptables-nft-save", "iptables-legacy-save"} {
		out, _ := exec.Command(save).Output() // a kernel or host without it has none
		n += bytes.Count(out, []byte("\n-A "))
	}
	return n
}
