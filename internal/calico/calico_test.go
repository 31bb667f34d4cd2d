// Package calico_test runs mctr's containers on two hosts with Calico and without
// Kubernetes. It needs what "make test-calico" builds.
package calico_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/calico/testbed"
)

// TestPolicy: clients on one host reach a server on the other until a policy forbids it, and again
// when the policy is removed.
func TestPolicy(t *testing.T) {
	b, a, other := twoHosts(t)
	server := run(t, a, "server", "prod:label=role=server,label=app=/prod/bench")
	client := run(t, other, "client", "prod:label=role=client")
	third := run(t, other, "third", "prod")
	ping(t, client, server)
	if left := strings.Join(b.Left(), "\n"); !strings.Contains(left, "process ") ||
		!strings.Contains(left, "control group ") {
		t.Errorf("the look for leaks would find only %q", left)
	}
	for _, c := range []*container{client, third} {
		c.reaches(server, "9000", true)
		c.reaches(server, "9001", true)
	}

	a.Mctr("network", "policy", "apply", "servers", "--selector", `role == "server"`, "--allow", "tcp:9000", "--from",
		`role == "client"`)
	client.reaches(server, "9001", false)
	third.reaches(server, "9000", false)
	client.reaches(server, "9000", true)
	if out := other.Mctr("network", "policy", "ls"); !strings.Contains(out, "servers") {
		t.Errorf("the other host does not know the policy: %s", out)
	}

	// The rules of one policy apply in their order, and policies by their order field. The labels
	// are as Mesos's frameworks write them.
	a.Mctr("network", "policy", "apply", "bench", "--global", "--order", "1", "--label", "app=/prod/bench", "--deny",
		"tcp:9000", "--allow", "tcp")
	client.reaches(server, "9000", false)
	client.reaches(server, "9001", true)

	a.Mctr("network", "policy", "rm", "--global", "bench")
	client.reaches(server, "9000", true)
	client.reaches(server, "9001", false)
	saved := filepath.Join(a.Dir, "servers.yaml")
	if err := os.WriteFile(saved, []byte(a.Mctr("network", "policy", "show", "servers")), 0o644); err != nil {
		t.Fatal(err)
	}
	a.Mctr("network", "policy", "rm", "servers")
	client.reaches(server, "9001", true)
	third.reaches(server, "9000", true)
	other.Mctr("network", "policy", "apply", "-f", saved)
	client.reaches(server, "9001", false)
	client.reaches(server, "9000", true)
	a.Mctr("network", "policy", "rm", "servers")

	// A container that is started again is attached again.
	a.Mctr("restart", "-t", "1", "server")
	server.look()
	client.reaches(server, "9001", true)
	freed(t, b, server, client, third)
}

// TestNetworksAreApart: containers in two networks of one Calico do not reach each other until a
// profile allows it. A container can be in only one of them, because the plugin gives both the same
// gateway.
func TestNetworksAreApart(t *testing.T) {
	b, a, other := twoHosts(t)
	for _, h := range b.Hosts {
		h.AddNetwork("dev")
	}
	server := run(t, a, "server", "prod")
	client := run(t, other, "client", "prod")
	stranger := run(t, other, "stranger", "dev")
	client.reaches(server, "9000", true)
	stranger.reaches(server, "9000", false)
	before := b.Calicoctl("get", "workloadendpoint", "--all-namespaces")
	if _, err := a.TryMctr("run", "-d", "-q", "--name", "both", "--no-image", "--network", "prod", "--network", "dev",
		"sleep", "60"); err == nil {
		t.Error("a container is in two Calico networks")
	}
	if after := b.Calicoctl("get", "workloadendpoint", "--all-namespaces"); after != before {
		t.Errorf("a container that could not be attached left an endpoint: %s, before %s", after, before)
	}
	client.reaches(server, "9000", true)

	a.Mctr("network", "profile", "apply", "--network", "prod", "prod", "--allow", "all", "--from", "has(prod)",
		"--from", "has(dev)")
	stranger.reaches(server, "9000", true)
	if out := a.Mctr("network", "profile", "ls", "--network", "dev"); !strings.Contains(out, "prod") ||
		!strings.Contains(out, "dev") {
		t.Errorf("profiles are %s", out)
	}
	freed(t, b, server, client, stranger)
}

// TestKept: every kind of description is stored and read back unchanged.
func TestKept(t *testing.T) {
	_, a, other := twoHosts(t)
	for _, args := range [][]string{
		{"policy", "p1", "--selector", `role == "server" && has(prod)`, "--allow", "tcp:9000,9100-9200", "--allow",
			"udp", "--deny", "sctp:1", "--from", "has(a) || has(b)", "--from", "10.0.0.0/8"},
		{"policy", "p2", "--label", "app=/prod/bench", "--to", "0.0.0.0/0", "--allow", "icmp", "--allow", "112",
			"--order", "0.5"},
		{"policy", "p3", "--global", "--selector", `role in {"a"}`, "--from", "2001:db8::1", "--deny", "all"},
		{"policy", "p4", "--network", "prod"},
		{"profile", "prod", "--allow", "all", "--from", "has(prod)", "--label", "tier=a/b"},
	} {
		described := a.Mctr(slices.Concat([]string{"network", args[0], "apply"}, args[1:], []string{"--dry-run"})...)
		a.Mctr(slices.Concat([]string{"network", args[0], "apply"}, args[1:])...)
		show := []string{"network", args[0], "show", args[1]}
		if slices.Contains(args, "--global") {
			show = append(show, "--global")
		}
		if kept := other.Mctr(show...); kept != described {
			t.Errorf("%q: described as\n%s\nkept as\n%s", args, described, kept)
		}
	}
	if out := other.Mctr("network", "pool", "ls"); !strings.Contains(out, "198.19.0.0/16") ||
		!strings.Contains(out, "vxlan") {
		t.Errorf("pools are %s", out)
	}
}

// TestKilled kills mctr around ADD. What Calico has done by then must be undone, because its plugin
// would take an existing endpoint for one that is connected.
func TestKilled(t *testing.T) {
	b, a, _ := twoHosts(t)
	run(t, a, "before", "prod") // so that the host has its block of addresses
	addresses, endpoints := b.Calicoctl("ipam", "show"), b.Calicoctl("get", "workloadendpoint", "--all-namespaces")
	for _, point := range []string{"cni/intended", "cni/added", "bundle"} {
		a.KillMctr(point, "run", "-d", "-q", "--no-image", "--network", "prod", "sleep", "60")
		if point != "cni/intended" && b.Calicoctl("ipam", "show") == addresses {
			t.Errorf("killed at %s mctr has no address to give back", point)
		}
		a.Mctr("reconcile")
		if out := b.Calicoctl("ipam", "show"); out != addresses {
			t.Errorf("killed at %s and reconciled, the addresses are\n%s\nbefore\n%s", point, out, addresses)
		}
		if out := b.Calicoctl("get", "workloadendpoint", "--all-namespaces"); out != endpoints {
			t.Errorf("killed at %s and reconciled, the endpoints are\n%s\nbefore\n%s", point, out, endpoints)
		}
	}
}

// TestEndsAlone: when a container exits while no mctr runs, its supervisor detaches it with the
// plugins that attached it.
func TestEndsAlone(t *testing.T) {
	b, a, _ := twoHosts(t)
	id := a.Mctr("run", "-d", "-q", "--no-image", "--network", "prod", "sleep", "0.5")
	if !strings.Contains(b.Calicoctl("get", "workloadendpoint", "--all-namespaces"), a.Name) {
		t.Error("the container is attached nowhere")
	}
	testbed.Eventually(t, id+" has no endpoint", func() error {
		if out := b.Calicoctl("get", "workloadendpoint", "--all-namespaces"); strings.Contains(out, a.Name) {
			return errors.New(out)
		}
		return nil
	})
}

// TestEtcdAway removes a container while its host cannot reach etcd: the container is removed at
// once, and its data in etcd when etcd is back.
func TestEtcdAway(t *testing.T) {
	b, a, _ := twoHosts(t)
	c := run(t, a, "server", "prod")
	b.Cut(true)
	if _, err := a.TryMctr("network", "policy", "ls", "--timeout", "2s"); err == nil ||
		!strings.Contains(err.Error(), "unavailable") {
		t.Errorf("policies without etcd: %v", err)
	}
	if _, err := a.TryMctr("run", "-d", "-q", "--no-image", "--network", "prod", "sleep", "60"); err == nil {
		t.Error("a container starts without etcd")
	}
	if _, err := a.TryMctr("rm", "-f", "server"); err != nil {
		t.Error(err)
	}
	b.Cut(false)
	testbed.Eventually(t, "the address is free", func() error {
		_, err := a.TryMctr("reconcile")
		if out := b.Calicoctl("ipam", "show", "--ip="+c.ip); err == nil && !strings.Contains(out, "not assigned") {
			err = errors.New(out)
		}
		return err
	})
	freed(t, b)
}

// TestRefused: impossible requests are refused with the right error.
func TestRefused(t *testing.T) {
	_, a, _ := twoHosts(t)
	for _, c := range []struct{ command, says string }{
		{"run --rm -q --no-image --network prod:label=projectcalico.org/namespace=x true",
			"projectcalico.org/namespace"},
		{"network policy rm nosuch", "not found"},
		{"network policy show nosuch", "not found"},
		{"network policy rm --global nosuch", "not found"},
		{"network pool create tasks --cidr 198.19.0.0/16", "already exists"},
		{"network pool create overlap --cidr 198.19.128.0/17", "overlaps"},
		{"network policy ls --network nosuch", "no network nosuch"},
	} {
		out, err := a.TryMctr(strings.Fields(c.command)...)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("mctr %s: %s, %v", c.command, out, err)
		}
	}
}

// programs returns the programs that "make test-calico" builds.
func programs(t *testing.T) testbed.Programs {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"mctr", "mctr-calico", "calico/calico-node"} {
		if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
			t.Fatal(err, "(make test-calico)")
		}
	}
	return testbed.Programs{Calico: filepath.Join(bin, "calico"), Mctr: bin}
}

// twoHosts returns two hosts with the network prod and a pool made by mctr.
func twoHosts(t *testing.T) (b *testbed.Testbed, first, second *testbed.Host) {
	t.Helper()
	b = testbed.New(t, programs(t), 2)
	for _, h := range b.Hosts {
		h.AddNetwork("prod")
	}
	b.Hosts[0].Mctr("network", "pool", "create", "tasks", "--cidr", "198.19.0.0/16", "--tunnel", "vxlan")
	for _, h := range b.Hosts {
		testbed.Eventually(t, h.Name+" has its tunnel", func() error {
			_, err := h.Try(nil, "ip", "link", "show", "vxlan.calico", "up")
			return err
		})
	}
	return b, b.Hosts[0], b.Hosts[1]
}

// A container on a host, which serves HTTP on ports 9000 and 9001.
type container struct {
	t    *testing.T
	name string
	host *testbed.Host
	ip   string
}

func run(t *testing.T, h *testbed.Host, name string, networks ...string) *container {
	t.Helper()
	args := []string{"run", "-d", "-q", "--name", name, "--no-image"}
	for _, n := range networks {
		args = append(args, "--network", n)
	}
	h.Mctr(append(args, "sh", "-c", "busybox httpd -p 9000 -h /etc; exec busybox httpd -f -p 9001 -h /etc")...)
	c := &container{t: t, name: name, host: h}
	c.look()
	return c
}

// look sets the container's address.
func (c *container) look() {
	c.t.Helper()
	c.ip = c.host.Mctr("inspect", "-f", "{{.NetworkSettings.IPAddress}}", c.name)
}

func ping(t *testing.T, from, to *container) {
	t.Helper()
	testbed.Eventually(t, "ping across hosts", func() error {
		_, err := from.host.TryMctr("exec", from.name, "busybox", "ping", "-c", "1", "-W", "2", to.ip)
		return err
	})
}

// reaches waits until a connection to the port succeeds, or until none does.
func (c *container) reaches(to *container, port string, want bool) {
	c.t.Helper()
	testbed.Eventually(c.t, fmt.Sprintf("%s reaches %s:%s: %v", c.name, to.name, port, want), func() error {
		_, err := c.host.TryMctr("exec", c.name, "curl", "-sS", "-m", "1", "-o", "/dev/null",
			"http://"+to.ip+":"+port+"/debian_version")
		if (err == nil) != want {
			return fmt.Errorf("it is %v: %w", err == nil, err)
		}
		return nil
	})
}

// freed removes the containers and checks that their addresses and endpoints are removed.
func freed(t *testing.T, b *testbed.Testbed, containers ...*container) {
	t.Helper()
	for _, c := range containers {
		if out := b.Calicoctl("ipam", "show", "--ip="+c.ip); strings.Contains(out, "not assigned") {
			t.Errorf("Calico does not know %s, which %s has", c.ip, c.name)
		}
		c.host.Mctr("rm", "-f", c.name)
		if out := b.Calicoctl("ipam", "show", "--ip="+c.ip); !strings.Contains(out, "not assigned") {
			t.Errorf("the address of %s is still taken: %s", c.name, out)
		}
	}
	if out := b.Calicoctl("get", "workloadendpoint", "--all-namespaces"); strings.Contains(out, "host") {
		t.Errorf("endpoints are left:\n%s", out)
	}
	for _, h := range b.Hosts {
		if out, err := h.Try(nil, "sh", "-c", "ip -o link show | grep ': cali'"); err == nil {
			t.Errorf("%s has links left: %s", h.Name, out)
		}
	}
}
