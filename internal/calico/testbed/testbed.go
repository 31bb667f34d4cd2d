package testbed

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A Testbed is a switch that runs etcd, and hosts.
type Testbed struct {
	Switch *Machine
	Hosts  []*Host

	t        testing.TB
	programs Programs
	leaks    *leaks
	tls      certificates
}

// Programs are the directories of the programs that a testbed runs.
type Programs struct {
	Calico string // calicoctl, calico-node, calico, calico-ipam
	Mctr   string // mctr and its other programs
}

// A Host runs calico-node, and containers by its own mctr.
type Host struct {
	*Machine
	Addr netip.Addr

	programs Programs
	tls      certificates
}

// New makes a testbed with the given number of hosts, called hosta and so on (names of nodes are
// lower case). It fails the test if anything does not become ready or is left behind.
func New(t testing.TB, programs Programs, hosts int) *Testbed {
	t.Helper()
	leaks := watchLeaks(t, hosts)
	b := &Testbed{t: t, programs: programs, leaks: leaks, Switch: newMachine(t, "switch", leaks.dir)}
	// A fixed address: otherwise the address changes when a host ends.
	b.Switch.Run(nil, "ip", "link", "add", "br0", "address", "02:00:c6:12:00:01", "type", "bridge")
	b.Switch.Run(nil, "ip", "address", "add", etcdAddr+"/24", "dev", "br0")
	b.Cut(false)
	b.startEtcd()
	for i := range hosts {
		b.Hosts = append(b.Hosts, b.newHost(i))
	}
	for _, h := range b.Hosts {
		b.startNode(h)
	}
	for _, h := range b.Hosts {
		Eventually(t, h.Name+": Felix is ready", func() error {
			_, err := h.Try(nil, "curl", "-sSf", "-m", "2", "http://127.0.0.1:9099/readiness")
			return err
		})
	}
	return b
}

func (b *Testbed) newHost(i int) *Host {
	b.t.Helper()
	name := hostName(i)
	h := &Host{Machine: newMachine(b.t, name, b.leaks.dir), programs: b.programs, tls: b.tls,
		Addr: netip.AddrFrom4([4]byte{198, 18, 0, byte(11 + i)})}
	b.t.Cleanup(h.clear)
	// In the test's process namespace, in which h.pid is a pid.
	b.Switch.enterNet("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(h.pid))
	b.Switch.Run(nil, "ip", "link", "set", name, "master", "br0", "up")
	h.Run(nil, "ip", "address", "add", h.Addr.String()+"/24", "dev", "eth0")
	h.Run(nil, "ip", "link", "set", "eth0", "up")
	// The host answers ARP for the containers' gateway, 169.254.1.1, only if it has a route to it.
	h.Run(nil, "ip", "route", "add", "default", "via", etcdAddr)
	return h
}

func hostName(i int) string { return "host" + string(rune('a'+i)) }

// startNode registers the host and starts the programs of calico/node's image.
func (b *Testbed) startNode(h *Host) {
	b.t.Helper()
	node := filepath.Join(b.programs.Calico, "calico-node")
	env := append(b.tls.calico(), "NODENAME="+h.Name, "IP="+h.Addr.String()+"/24", "IP6=none",
		"CALICO_NETWORKING_BACKEND=vxlan", "NO_DEFAULT_POOLS=true")
	h.Run(env, node, "-startup")
	h.Serve("tunnel-address", env, node, "-allocate-tunnel-addrs")
	h.Serve("felix", slices.Concat(env, b.tls.felix(), felix(h.Name)), node, "-felix")
}

// felix returns Felix's configuration. This build without cgo has no eBPF mode, and must not try to
// remove what that mode leaves behind. By default it would log to the /var/log of the real machine.
func felix(node string) []string {
	return []string{
		"FELIX_FELIXHOSTNAME=" + node, "FELIX_IPTABLESBACKEND=Legacy", "FELIX_IPV6SUPPORT=false",
		"FELIX_HEALTHENABLED=true", "FELIX_DebugSkipCTLBCleanup=true", "FELIX_LOGFILEPATH=none",
		"FELIX_LOGSEVERITYSYS=none", "FELIX_LOGSEVERITYSCREEN=Warning", "FELIX_USAGEREPORTINGENABLED=false",
	}
}

// Left returns what the testbed has left on the machine of the test.
func (b *Testbed) Left() []string { return b.leaks.left() }

// Cut disconnects all machines, or with false connects them again.
func (b *Testbed) Cut(off bool) {
	b.t.Helper()
	state := map[bool]string{true: "down", false: "up"}[off]
	b.Switch.Run(nil, "ip", "link", "set", "br0", state)
}

// Calicoctl runs calicoctl on the switch, which reaches etcd as a host does.
func (b *Testbed) Calicoctl(args ...string) string {
	b.t.Helper()
	return b.Switch.Run(b.tls.calico(), filepath.Join(b.programs.Calico, "calicoctl"), args...)
}

// Eventually waits until check returns nil.
func Eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("not within a minute: %s: %v", what, err)
}
