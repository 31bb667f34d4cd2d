package cni_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	network "github.com/mctr/mctr/isolators/network/cni"
)

// A host has the networks "net" and "other", on bridges, and "sick", whose last plugin fails.
type host struct {
	t   *testing.T
	dir string
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t, t.TempDir()}
	for i, name := range []string{"net", "other", "sick"} {
		extra := `, {"type": "portmap", "capabilities": {"portMappings": true}}`
		if name == "sick" {
			extra = `, {"type": "tuning", "sysctl": {"net.no.such": "1"}}`
		}
		h.write(name, fmt.Sprintf(`{"cniVersion": "1.1.0", "name": %q, "plugins": [
			{"type": "bridge", "bridge": "br-iso-%d", "isGateway": true, "capabilities": {"ips": true},
			 "ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": "10.40.%d.0/24"}], [{"subnet": "fd00:40:%d::/64"}]]}}%s]}`,
			name, i, h.dir+"/store", i, i, extra))
	}
	return h
}

func (h *host) write(name, list string) {
	h.t.Helper()
	if err := os.MkdirAll(h.dir+"/net.d", 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "net.d", name+".conflist"), []byte(list), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) networks() *cni.Networks {
	plugins, err := filepath.Abs("../../../bin/cni")
	if err != nil {
		h.t.Fatal(err)
	}
	return cni.New(
		cni.Config{Root: h.dir + "/root", State: h.dir + "/run", ConfigDirs: []string{h.dir + "/net.d"},
			PluginDirs: []string{plugins}})
}

// isolator returns an isolator of a process that has just started.
func (h *host) isolator() isolators.Isolator {
	return network.New(network.Deps{Networks: h.networks(), Meter: usage.NewMeter()})
}

func (h *host) handle(id mctr.ContainerID) mctr.Handle {
	return mctr.Handle{
		ID: id, Dir: filepath.Join(h.dir, "containers", string(id)), State: filepath.Join(h.dir, "state", string(id)),
		Cgroup: "isolatortest/" + string(id),
	}
}

func config(mode, image string, networks ...string) mctr.ContainerConfig {
	c := mctr.ContainerConfig{Network: mode, Image: image}
	for _, n := range networks {
		c.Networks = append(c.Networks, mctr.NetworkConfig{Name: n})
	}
	return c
}

func TestConformance(t *testing.T) {
	h := newHost(t)
	host, imageless := config("host", "test"), config("host", "")
	attached, bare := config("", "test", "net", "other"), config("", "", "net")
	attached.Ports = []mctr.Port{{ContainerPort: 80, Protocol: "tcp"}}
	isolatortest.Run(t, h.isolator, &host, &imageless, &attached, &bare)
}

func TestCheck(t *testing.T) {
	h := newHost(t)
	h.write("plain", `{"cniVersion": "1.0.0", "name": "plain", "plugins": [{"type": "bridge", "ipam": {}}]}`)
	h.write("gone", `{"cniVersion": "1.0.0", "name": "gone", "plugins": [{"type": "no-such-plugin"}]}`)
	for name, subnet := range map[string]string{"four": "10.41.0.0/24", "six": "fd00:41::/64"} {
		if _, err := h.networks().Create(t.Context(), name,
			cni.Definition{Subnets: []cni.Subnet{{Subnet: netip.MustParsePrefix(subnet)}}}); err != nil {
			t.Fatal(err)
		}
	}
	with := func(c mctr.ContainerConfig, change func(*mctr.ContainerConfig)) mctr.ContainerConfig {
		change(&c)
		return c
	}
	net := config("", "test", "net")
	one := func(change func(*mctr.NetworkConfig)) mctr.ContainerConfig {
		return with(config("", "test", "net"), func(c *mctr.ContainerConfig) { change(&c.Networks[0]) })
	}
	port := func(p mctr.Port) func(*mctr.ContainerConfig) {
		return func(c *mctr.ContainerConfig) { c.Ports = append(c.Ports, p) }
	}
	isolatortest.Refuses(t, h.isolator(), []isolatortest.Refusal{
		{Config: config("overlay", ""), Is: mctr.ErrInvalid, Field: "config.network overlay"},
		{Config: config("container:../x", ""), Is: mctr.ErrInvalid, Field: "../x"},
		{Config: config("host", "", "net"), Is: mctr.ErrInvalid, Field: "config.network host and config.networks net"},
		{Config: config("", "", "nowhere"), Is: mctr.ErrInvalid, Field: "config.networks nowhere"},
		{Config: config("", "", "gone"), Is: mctr.ErrUnsupported, Field: "no-such-plugin"},
		{Config: one(func(n *mctr.NetworkConfig) { n.IPs = []string{"10.1"} }), Is: mctr.ErrInvalid, Field: "ip"},
		{Config: one(func(n *mctr.NetworkConfig) { n.IPs = []string{"10.1.1.1", "10.1.1.2"} }), Is: mctr.ErrInvalid,
			Field: "one address for each address family"},
		{Config: one(func(n *mctr.NetworkConfig) { n.MAC = "01:00:00:00:00:01" }), Is: mctr.ErrInvalid, Field: "mac"},
		{Config: one(func(n *mctr.NetworkConfig) { n.MAC = "00:00:00:00:00:00" }), Is: mctr.ErrInvalid, Field: "mac"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.Ports = make([]mctr.Port, 513) }), Is: mctr.ErrInvalid,
			Field: "513 ports"},
		{Config: one(func(n *mctr.NetworkConfig) { n.Bandwidth = &mctr.Bandwidth{IngressRate: 1} }),
			Is: mctr.ErrInvalid, Field: "bandwidth"},
		{Config: one(func(n *mctr.NetworkConfig) { n.Labels = map[string]string{"projectcalico.org/namespace": "x"} }),
			Is: mctr.ErrInvalid, Field: "projectcalico.org/namespace"},
		{Config: with(config("none", ""), port(mctr.Port{ContainerPort: 1, Protocol: "tcp"})), Is: mctr.ErrInvalid,
			Field: "config.ports"},
		{Config: with(config("", "", "plain"), port(mctr.Port{ContainerPort: 1, Protocol: "tcp"})), Is: mctr.ErrInvalid,
			Field: "config.ports"},
		{Config: with(net, port(mctr.Port{ContainerPort: 0, Protocol: "tcp"})), Is: mctr.ErrInvalid,
			Field: "config.ports"},
		{Config: with(net, port(mctr.Port{ContainerPort: 1, Protocol: "icmp"})), Is: mctr.ErrInvalid, Field: "icmp"},
		{Config: with(with(net, port(mctr.Port{HostPort: 9000, ContainerPort: 1, Protocol: "tcp"})),
			port(mctr.Port{HostIP: "127.0.0.1", HostPort: 9000, ContainerPort: 2, Protocol: "tcp"})),
			Is: mctr.ErrInvalid, Field: "host port 9000/tcp is another config.ports entry's already"},
		{Config: with(net, port(mctr.Port{HostIP: "here", ContainerPort: 1, Protocol: "tcp"})), Is: mctr.ErrInvalid,
			Field: "here"},
		{Config: with(net, port(mctr.Port{HostIP: "::1", ContainerPort: 1, Protocol: "tcp"})), Is: mctr.ErrUnsupported,
			Field: "config.ports [::1]"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.DNS.Servers = []string{"ns"} }), Is: mctr.ErrInvalid,
			Field: "dns.servers"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.DNS.Servers = []string{"fe80::1%e\nnameserver 6.6.6.6"} }),
			Is: mctr.ErrInvalid, Field: "dns.servers"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.ExtraHosts = []string{"a:fe80::1%e\n6.6.6.6 b"} }),
			Is: mctr.ErrInvalid, Field: "extra_hosts"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.ExtraHosts = []string{"a\v:1.1.1.1"} }),
			Is: mctr.ErrInvalid, Field: "extra_hosts"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.DNS.Search = []string{"a\nnameserver 6.6.6.6"} }),
			Is: mctr.ErrInvalid, Field: "dns.search"},
		{Config: with(config("container:x", "test"), port(mctr.Port{ContainerPort: 1, Protocol: "tcp"})),
			Is: mctr.ErrInvalid, Field: "config.ports"},
		{Config: with(config("container:x", "test"), func(c *mctr.ContainerConfig) { c.PublishAll = true }),
			Is: mctr.ErrInvalid, Field: "config.ports"},
		{Config: with(config("", "", "net"), func(c *mctr.ContainerConfig) { c.PublishAll = true }),
			Is: mctr.ErrInvalid, Field: "publish_all"},
		{Config: with(config("host", "test"), port(mctr.Port{ContainerPort: 1, Protocol: "tcp"})), Is: mctr.ErrInvalid,
			Field: "config.ports"},
		{Config: with(config("none", "test"), func(c *mctr.ContainerConfig) {
			c.ExtraHosts = []string{"up:host-gateway"}
		}), Is: mctr.ErrInvalid, Field: "extra_hosts"},
		{Config: with(net, port(mctr.Port{HostIP: "fe80::1%eth0", ContainerPort: 1, Protocol: "tcp"})),
			Is: mctr.ErrInvalid, Field: "config.ports"},
		{Config: with(config("", "", "four"), port(mctr.Port{HostIP: "::", ContainerPort: 1, Protocol: "tcp"})),
			Is: mctr.ErrInvalid, Field: "no IPv6 address"},
		{Config: with(config("", "", "six"), port(mctr.Port{HostIP: "127.0.0.1", ContainerPort: 1, Protocol: "tcp"})),
			Is: mctr.ErrInvalid, Field: "no IPv4 address"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.ExtraHosts = []string{"a b:1.1.1.1"} }),
			Is: mctr.ErrInvalid, Field: "extra_hosts"},
		{Config: with(net, func(c *mctr.ContainerConfig) { c.ExtraHosts = []string{"a:b"} }), Is: mctr.ErrInvalid,
			Field: "extra_hosts"},
	})
	isolatortest.Accepts(t, h.isolator(), config("", ""), config("none", ""), config("host", ""),
		config("container:x", ""), net,
		with(config("", "", "six"), port(mctr.Port{HostIP: "::", ContainerPort: 1, Protocol: "tcp"})),
		with(config("host", "test"), func(c *mctr.ContainerConfig) { c.ExtraHosts = []string{"up:host-gateway"} }),
		with(net, func(c *mctr.ContainerConfig) {
			c.ExtraHosts = []string{"a:1.1.1.1", "b:[fd00::1]", "c:host-gateway"}
		}))
}

func TestModes(t *testing.T) {
	h := newHost(t)
	for _, mode := range []string{"", "none"} {
		a := isolatortest.Prepared(t, h.isolator(), config(mode, "test"))
		if got := isolatortest.JSON(t, a.Spec.Linux); got != `{"namespaces":[{"type":"network"}]}` {
			t.Errorf("%q: %s", mode, got)
		}
		if got := destinations(a); !slices.Equal(got, files) {
			t.Errorf("%q: binds %q", mode, got)
		}
	}
	if a := isolatortest.Prepared(t, h.isolator(), config("host", "test")); a.Spec.Linux != nil ||
		!slices.Equal(destinations(a), files) {
		t.Errorf("host: %+v", a.Spec)
	}
	if a := isolatortest.Prepared(t, h.isolator(), config("host", "")); a.Spec.Mounts != nil || a.Spec.Linux != nil {
		t.Errorf("host without an image: %+v", a.Spec)
	}
	if _, err := h.isolator().Prepare(t.Context(),
		h.container("box", config("container:nobody", "test"))); !errors.Is(err, mctr.ErrState) {
		t.Errorf("the network of nobody: %v", err)
	}
}

var files = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}

func destinations(a *mctr.Adjustment) (list []string) {
	for _, m := range a.Spec.Mounts {
		list = append(list, m.Destination)
	}
	return list
}

// container returns a container with an image and directories.
func (h *host) container(id mctr.ContainerID, c mctr.ContainerConfig) *mctr.Container {
	return &mctr.Container{
		Handle: h.handle(id), Config: &c, HandleOf: h.handle,
		Image: &mctr.ImageConfig{ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}, "nonsense": {}}},
	}
}

func (h *host) prepare(c *mctr.Container) *mctr.Adjustment {
	h.t.Helper()
	a, err := h.isolator().Prepare(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.cleanUp(c.ID) })
	return a
}

func (h *host) cleanUp(id mctr.ContainerID) {
	h.t.Helper()
	// The test's context has ended by the time of its clean-up.
	if err := h.isolator().Cleanup(context.WithoutCancel(h.t.Context()), h.handle(id)); err != nil {
		h.t.Error(err)
	}
}

func (h *host) file(c *mctr.Container, name string) string {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.Dir, "network/cni", name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(data)
}

// TestAttached prepares a container on two networks and checks everything that it sees.
func TestAttached(t *testing.T) {
	h := newHost(t)
	cfg := config("", "test", "net", "other")
	cfg.Hostname, cfg.ExtraHosts, cfg.PublishAll = "web.example.com", []string{"db:10.0.0.9", "up:host-gateway"}, true
	cfg.DNS = mctr.DNS{Servers: []string{"10.0.0.53"}, Search: []string{"example.com"}, Options: []string{"ndots:2"}}
	c := h.container("box", cfg)
	a := h.prepare(c)
	ip := "10.40.0.2"
	if got := a.Spec.Process.Env; !slices.Equal(got, []string{"MESOS_CONTAINER_IP=" + ip}) {
		t.Errorf("environment %q", got)
	}
	hosts := h.file(c, "hosts")
	for _, want := range []string{"127.0.0.1\tlocalhost\n", "::1\tlocalhost", ip + "\tweb.example.com web\n",
		"fd00:40:0::2\tweb", "10.40.1.2\tweb", "10.0.0.9\tdb\n", "10.40.0.1\tup\n"} {
		if !strings.Contains(hosts, strings.ReplaceAll(want, ":0::", "::")) {
			t.Errorf("/etc/hosts lacks %q:\n%s", want, hosts)
		}
	}
	if got := h.file(c, "resolv.conf"); got != "nameserver 10.0.0.53\nsearch example.com\noptions ndots:2\n" {
		t.Errorf("/etc/resolv.conf: %q", got)
	}
	if got := h.file(c, "hostname"); got != "web.example.com\n" {
		t.Errorf("/etc/hostname: %q", got)
	}
	s := &mctr.Status{Config: c.Config}
	if err := h.isolator().Status(t.Context(), h.handle("box"), s); err != nil {
		t.Fatal(err)
	}
	if len(s.Networks) != 2 || s.Networks[0].Interface != "eth0" || s.Networks[1].Name != "other" ||
		s.Networks[0].Addresses[0] != ip+"/24" || s.Networks[0].MAC == "" {
		t.Errorf("status: %+v", s.Networks)
	}
	if len(s.Ports) != 2 || s.Ports[0].ContainerPort != 53 || s.Ports[0].HostPort == 0 ||
		s.Ports[1].ContainerPort != 80 {
		t.Errorf("the image exposes 80/tcp and 53/udp; published: %v", s.Ports)
	}
}

// TestNested checks that a nested container has its parent's network and files.
func TestNested(t *testing.T) {
	h := newHost(t)
	parent := h.container("box", config("", "test", "net"))
	h.prepare(parent)
	child := h.container("box.child", config("", "test"))
	child.Parent = &mctr.Parent{ID: "box", Config: parent.Config, Pid: os.Getpid()}
	a := h.prepare(child)
	if got := a.Spec.Linux.Namespaces[0].Path; got != fmt.Sprintf("/proc/%d/ns/net", os.Getpid()) {
		t.Errorf("namespace %q", got)
	}
	if a.Spec.Process == nil || !slices.Equal(a.Spec.Process.Env, []string{"MESOS_CONTAINER_IP=10.40.0.2"}) {
		t.Errorf("environment %+v", a.Spec.Process)
	}
	if got := destinations(a); !slices.Equal(got, files) {
		t.Errorf("binds %+v", a.Spec.Mounts)
	}
	for _, m := range a.Spec.Mounts {
		if !strings.HasPrefix(m.Source, parent.Dir) {
			t.Errorf("%s is %s, want the parent's", m.Destination, m.Source)
		}
	}
	named := h.container("box.named", config("", "test"))
	named.Parent, named.Config.Hostname = child.Parent, "named"
	named.Config.ExtraHosts = []string{"up:host-gateway"}
	h.prepare(named)
	if got := h.file(named, "hosts"); !strings.Contains(got, "10.40.0.2\tbox\n") ||
		!strings.Contains(got, "10.40.0.2\tnamed\n") || !strings.Contains(got, "10.40.0.1\tup\n") {
		t.Errorf("/etc/hosts: %q", got)
	}
	if got := h.file(named, "hostname"); got != "named\n" {
		t.Errorf("/etc/hostname: %q", got)
	}
}

// TestHostNames checks that a container in the host's network has the host's names, its own name if
// it has one, and the entries of its config.
func TestHostNames(t *testing.T) {
	h := newHost(t)
	theirs, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config("host", "test")
	cfg.Hostname, cfg.ExtraHosts, cfg.DNS = "own.name", []string{"db=10.0.0.9", "v6=[fd00::9]", "up:host-gateway"},
		mctr.DNS{Servers: []string{"127.0.0.7"}}
	c := h.container("box", cfg)
	h.prepare(c)
	if got := h.file(c, "hosts"); !strings.HasPrefix(got, string(theirs)) ||
		!strings.HasSuffix(got, "127.0.1.1\town.name own\n10.0.0.9\tdb\nfd00::9\tv6\n127.0.0.1\tup\n") {
		t.Errorf("/etc/hosts: %q", got)
	}
	if got := h.file(c, "resolv.conf"); !strings.HasPrefix(got, "nameserver 127.0.0.7\n") {
		t.Errorf("/etc/resolv.conf: %q", got)
	}
	if got := h.file(c, "hostname"); got != "own.name\n" {
		t.Errorf("/etc/hostname: %q", got)
	}
	cfg.Image = ""
	bare := h.container("bare", cfg)
	bare.Image = nil
	if a := h.prepare(bare); !slices.Contains(destinations(a), "/etc/hosts") {
		t.Errorf("on the host's filesystem extra_hosts is ignored: %+v", a.Spec.Mounts)
	}
}

// TestFamilies checks that ports are refused, and name servers left out, if the network gave the
// container no address of their family.
func TestFamilies(t *testing.T) {
	h := newHost(t)
	h.write("four",
		fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "four", "plugins": [{"type": "bridge", "bridge": "br-iso-4", "isGateway": true,
		"ipam": {"type": "host-local", "dataDir": %q, "subnet": "10.44.0.0/24"}}, {"type": "portmap", "capabilities": {"portMappings": true}}]}`, h.dir+"/store"))
	t.Cleanup(func() { _ = exec.Command("ip", "link", "delete", "br-iso-4").Run() })
	cfg := config("", "test", "four")
	cfg.DNS.Servers = []string{"fd00::53", "10.0.0.53", "::1"}
	c := h.container("box", cfg)
	h.prepare(c)
	if got := h.file(c, "resolv.conf"); !strings.HasPrefix(got, "nameserver 10.0.0.53\nnameserver ::1\n") {
		t.Errorf("/etc/resolv.conf: %q", got)
	}
	s := &mctr.Status{Config: c.Config}
	if err := h.isolator().Status(t.Context(), h.handle("box"), s); err != nil || len(s.Warnings) != 1 ||
		!strings.Contains(s.Warnings[0], "fd00::53") {
		t.Errorf("status: %+v, %v", s, err)
	}
	for name, change := range map[string]func(*mctr.ContainerConfig){
		"dns.servers": func(c *mctr.ContainerConfig) { c.DNS.Servers = []string{"fd00::53"} },
		"config.ports": func(c *mctr.ContainerConfig) {
			c.Ports = []mctr.Port{{HostIP: "::", HostPort: 8099, ContainerPort: 80, Protocol: "tcp"}}
		},
	} {
		wrong := config("", "test", "four")
		change(&wrong)
		if _, err := h.isolator().Prepare(t.Context(), h.container("other", wrong)); !errors.Is(err, mctr.ErrInvalid) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s of a family that the container lacks: %v", name, err)
		}
		h.cleanUp("other")
	}
}

// TestFailedAttach checks that the attachment before the sick network, and the namespace, are
// released at once.
func TestFailedAttach(t *testing.T) {
	h := newHost(t)
	h.prepare(h.container("warm", config("", "test", "net")))
	h.cleanUp("warm")
	before := leakcheck.Snapshot(t,
		leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Link, leakcheck.Rule, leakcheck.Process}})
	mounts := leakcheck.Snapshot(t,
		leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Netns}, Names: []string{h.dir}})
	if _, err := h.isolator().Prepare(t.Context(), h.container("box", config("", "test", "net", "sick"))); err == nil ||
		!strings.Contains(err.Error(), "attach eth1 to network sick") {
		t.Errorf("Prepare: %v", err)
	}
	if out, err := exec.Command("ip", "link", "delete", "br-iso-2").CombinedOutput(); err != nil {
		t.Error(err, string(out)) // the sick network's, made before it failed
	}
	before.Check()
	mounts.Check()
	if files, _ := filepath.Glob(h.dir + "/store/*/10.*"); len(files) > 0 {
		t.Errorf("addresses still given out: %v", files)
	}
}

// TestRecover checks that Recover reports the attachments of unknown containers, that Cleanup
// undoes them, and that a foreign address in the same store stays.
func TestRecover(t *testing.T) {
	h := newHost(t)
	h.prepare(h.container("box", config("", "test", "net")))
	foreign := filepath.Join(h.dir, "store", "net", "10.40.0.200")
	if err := os.WriteFile(foreign, []byte("somebody\r\neth0"), 0o644); err != nil {
		t.Fatal(err)
	}
	i := h.isolator()
	if found, err := i.Recover(t.Context(), []mctr.ContainerState{{Handle: h.handle("box"), Phase: mctr.Running}},
		h.handle); err != nil ||
		len(found) > 0 {
		t.Errorf("known and running: %v %v", found, err)
	}
	found, err := i.Recover(t.Context(), nil, h.handle)
	if err != nil || len(found) != 1 || found[0].Owner != "box" || found[0].Kind != "network" ||
		!strings.Contains(found[0].Object, "eth0 in net (10.40.0.2/24)") {
		t.Fatalf("unknown: %v %v", found, err)
	}
	h.cleanUp("box")
	if found, err := i.Recover(t.Context(), nil, h.handle); err != nil || len(found) > 0 {
		t.Errorf("after Cleanup: %v %v", found, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a foreign address was freed:", err)
	}
}

// TestFailedDetach checks that a failing plugin does not hold up the container's release, and that
// the attachment is reported with the reason.
func TestFailedDetach(t *testing.T) {
	h := newHost(t)
	c := h.container("box", config("", "test", "net"))
	h.prepare(c)
	record, err := filepath.Glob(h.dir + "/root/attachments/*.json")
	if err != nil || len(record) != 1 {
		t.Fatal(record, err)
	}
	data, err := os.ReadFile(record[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(record[0], []byte(strings.ReplaceAll(string(data), `"portmap"`, `"away"`)),
		0o600); err != nil {
		t.Fatal(err)
	}
	h.cleanUp("box")
	found, err := h.isolator().Recover(t.Context(),
		[]mctr.ContainerState{{Handle: h.handle("box"), Phase: mctr.Exited}}, h.handle)
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Why, "away") {
		t.Fatalf("%v %v", found, err)
	}
	s := &mctr.Status{Config: c.Config}
	if err := h.isolator().Status(t.Context(), h.handle("box"), s); err != nil || len(s.Networks) != 1 ||
		!strings.Contains(s.Networks[0].Failure, "away") {
		t.Errorf("status: %+v %v", s.Networks, err)
	}
	kept := map[string]any{}
	if data, err = os.ReadFile(record[0]); err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil || kept["failed"] != 1.0 {
		t.Errorf("record %v: %v", kept, err)
	}
	if _, err := h.isolator().Prepare(t.Context(), c); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("started again while it is attached still: %v", err)
	}
	h.within("box", "echo 77 >/proc/sys/net/ipv4/ip_default_ttl")
	if err := os.WriteFile(record[0], []byte(strings.ReplaceAll(string(data), `"away"`, `"portmap"`)),
		0o600); err != nil {
		t.Fatal(err)
	}
	h.prepare(c)
	if ttl := h.within("box", "cat /proc/sys/net/ipv4/ip_default_ttl"); ttl == "77" {
		t.Error("started again in the namespace of its last run")
	}
}

// TestUnreadableRecord checks that Status shows a container with a damaged record, with a warning.
func TestUnreadableRecord(t *testing.T) {
	h := newHost(t)
	record := filepath.Join(h.dir, "root", "attachments", mctr.ContainerID("box").Hash()+".eth0.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(record), 0o700), os.WriteFile(record, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	c := config("", "test", "net")
	s := &mctr.Status{Config: &c}
	if err := h.isolator().Status(t.Context(), h.handle("box"), s); err != nil || len(s.Warnings) != 1 ||
		!strings.Contains(s.Warnings[0], record) {
		t.Errorf("status: %+v, %v", s, err)
	}
}

// within runs a command in a container's namespace.
func (h *host) within(id mctr.ContainerID, command string) string {
	h.t.Helper()
	out, err := exec.Command("nsenter", "--net="+h.networks().Namespace(id), "sh", "-c", command).CombinedOutput()
	if err != nil {
		h.t.Fatal(err, string(out))
	}
	return strings.TrimSpace(string(out))
}
