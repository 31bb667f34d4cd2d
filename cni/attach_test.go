package cni_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// TestVersions attaches with a list of every version, and with a single file.
func TestVersions(t *testing.T) {
	for i, version := range []string{"0.3.1", "0.4.0", "1.0.0", "1.1.0"} {
		for _, single := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/single=%v", version, single), func(t *testing.T) {
				h := newHost(t)
				subnet := fmt.Sprintf("10.20.%d.0/24", i)
				if single {
					h.write("10-net.conf",
						fmt.Sprintf(`{"cniVersion": "%s", "name": "net", "type": "bridge", "bridge": "br-net",
						"ipam": {"type": "host-local", "subnet": "%s", "dataDir": "$STORE"}}`, version, subnet))
				} else {
					h.write("10-net.conflist",
						bridge(version, "net", subnet, `{"type": "tuning", "sysctl": {"net.core.somaxconn": "77"}}`))
				}
				h.warm("net")
				h.clean()
				a := h.mustAttach("box", "net")
				if got := h.addresses("box", "eth0"); len(got) != 1 || got[0] != a.Result.Addresses[0] ||
					!netip.MustParsePrefix(subnet).Contains(got[0].Addr()) {
					t.Errorf("the interface has %v, the record %v, the subnet is %s", got, a.Result.Addresses, subnet)
				}
				if err := h.Check(t.Context(), a); err != nil {
					t.Errorf("CHECK: %v", err)
				}
				h.mustDetach("box")
				h.mustDetach("box") // it is idempotent
			})
		}
	}
}

// TestCheckSees checks that CHECK notices an interface that has lost its address.
func TestCheckSees(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", bridge("1.0.0", "net", "10.20.9.0/24"))
	a := h.mustAttach("box", "net")
	defer h.mustDetach("box")
	if out, err := exec.Command("nsenter", "--net="+h.Namespace("box"), "ip", "address", "flush", "dev",
		"eth0").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if err := h.Check(t.Context(), a); err == nil ||
		!strings.Contains(err.Error(), "network net is not as it was made") {
		t.Errorf("CHECK: %v", err)
	}
}

// TestWhatIsAsked requests fixed addresses of both families, a MAC and a bandwidth.
func TestWhatIsAsked(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", `{"cniVersion": "1.0.0", "name": "net", "plugins": [
		{"type": "bridge", "bridge": "br-asked", "isGateway": true, "capabilities": {"ips": true, "mac": true},
		 "ipam": {"type": "host-local", "dataDir": "$STORE", "ranges": [[{"subnet": "10.21.0.0/24"}], [{"subnet": "fd00:21::/64"}]]}},
		{"type": "bandwidth", "capabilities": {"bandwidth": true}}]}`)
	h.warm("net")
	h.clean()
	a := h.mustAttach("box", "net", func(r *cni.Request) {
		r.Config = mctr.NetworkConfig{IPs: []string{"10.21.0.77", "fd00:21::77"}, MAC: "02:00:00:00:00:77",
			Bandwidth: &mctr.Bandwidth{IngressRate: 8_000_000, EgressRate: 8_000_000}}
	})
	want := []netip.Prefix{netip.MustParsePrefix("10.21.0.77/24"), netip.MustParsePrefix("fd00:21::77/64")}
	if got := h.addresses("box", "eth0"); !slices.Equal(got, want) || !slices.Equal(a.Result.Addresses, want) {
		t.Errorf("the interface has %v, the record %v, want %v", got, a.Result.Addresses, want)
	}
	if a.Result.MAC != "02:00:00:00:00:77" || len(a.Result.Gateways) != 2 {
		t.Errorf("MAC %s, gateways %v", a.Result.MAC, a.Result.Gateways)
	}
	if out, err := exec.Command("tc", "qdisc", "show").CombinedOutput(); err != nil ||
		strings.Count(string(out), "rate 8Mbit") != 2 {
		t.Errorf("queues: %v\n%s", err, out)
	}
	h.mustDetach("box")
}

// TestSeveralInterfaces attaches one container to two networks, and twice to one.
func TestSeveralInterfaces(t *testing.T) {
	h := newHost(t)
	h.write("a.conflist", bridge("1.0.0", "a", "10.22.0.0/24"))
	h.write("b.conflist", bridge("1.0.0", "b", "10.22.1.0/24"))
	h.warm("a", "b")
	h.clean()
	ids := map[string]bool{}
	for i, network := range []string{"a", "b", "a"} {
		a := h.mustAttach("box", network, func(r *cni.Request) { r.Interface, r.Index = fmt.Sprintf("eth%d", i), i })
		ids[a.ID[:11]] = true
	}
	if len(ids) != 3 {
		t.Error("two attachments have ids that Calico cannot tell apart")
	}
	attachments, err := h.AttachmentsOf("box")
	if err != nil || len(attachments) != 3 {
		t.Fatal(attachments, err)
	}
	out, err := exec.Command("nsenter", "--net="+h.Namespace("box"), "ip", "route", "show", "default").CombinedOutput()
	if lines := strings.Split(string(out), "\n"); err != nil || len(lines) != 4 ||
		!strings.HasPrefix(lines[0], "default via 10.22.0.1 dev eth0") || strings.Contains(lines[0], "metric") {
		t.Errorf("the first network is not the way out: %v\n%s", err, out)
	}
	for _, a := range attachments {
		if err := h.Check(t.Context(), a); err != nil {
			t.Errorf("CHECK: %v", err)
		}
	}
	for i, a := range attachments {
		if got := h.addresses("box", fmt.Sprintf("eth%d", i)); !slices.Equal(got, a.Result.Addresses) {
			t.Errorf("eth%d has %v, the record of %s %v", i, got, a.Interface, a.Result.Addresses)
		}
	}
	h.mustDetach("box")
}

// TestLabels checks that labels are where Mesos puts them, beside the args of the file.
func TestLabels(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", bridge("1.0.0", "net", "10.23.0.0/24", `{"type": "fake", "args": {"mine": 1}}`))
	a := h.mustAttach("box", "net", func(r *cni.Request) {
		r.Config.Labels = map[string]string{"role": "server", "app": "/prod/web"}
	})
	defer h.mustDetach("box")
	config := strings.Join(strings.Fields(string(a.Config)), "")
	for _, want := range []string{
		`"org.apache.mesos":{"network_info":{"labels":{"labels":[{"key":"app","value":"/prod/web"},{"key":"role","value":"server"}]},"name":"net"}}`, `"mine":1`,
	} {
		if !strings.Contains(config, want) {
			t.Errorf("no %s in %s", want, config)
		}
	}
}

// TestExhausted checks the error of a pool without free addresses, and that nothing is left.
func TestExhausted(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", bridge("1.0.0", "net", "10.24.0.0/30")) // one for the bridge, one for a container
	h.warm("net")
	h.clean()
	h.mustAttach("first", "net")
	if _, err := h.attach("second", "net"); err == nil || !strings.Contains(err.Error(), "no IP addresses available") {
		t.Errorf("attach: %v", err)
	}
	h.mustDetach("second")
	if attachments, err := h.Attachments(); err != nil || len(attachments) != 1 {
		t.Errorf("records: %v %v", attachments, err)
	}
	h.mustDetach("first")
}

// TestManyAtOnce attaches fifty containers at once, with a port each, and detaches them.
func TestManyAtOnce(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist",
		bridge("1.0.0", "net", "10.25.0.0/24", `{"type": "portmap", "capabilities": {"portMappings": true}}`))
	h.mustAttach("warm", "net", withPort(mctr.Port{HostPort: 1, ContainerPort: 1, Protocol: "tcp"}))
	h.mustDetach("warm")
	h.clean()
	const many = 50
	var mu sync.Mutex
	seen := map[string]bool{}
	each(many, func(i int) {
		a, err := h.attach(mctr.ContainerID(fmt.Sprintf("box%d", i)), "net",
			withPort(mctr.Port{ContainerPort: 80, Protocol: "tcp"}))
		if err != nil {
			t.Errorf("%d: %v", i, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, word := range []string{a.Result.Addresses[0].String(), fmt.Sprint(a.Ports[0].HostPort)} {
			if seen[word] {
				t.Errorf("%s was given out twice", word)
			}
			seen[word] = true
		}
	})
	each(many, func(i int) {
		if err := h.Detach(t.Context(), mctr.ContainerID(fmt.Sprintf("box%d", i))); err != nil {
			t.Error(err)
		}
	})
}

func each(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

func withPort(ports ...mctr.Port) func(*cni.Request) {
	return func(r *cni.Request) { r.Ports = ports }
}

// TestFilesChange checks that a changed list takes effect, and that DEL gets the configuration of
// ADD after the file was removed.
func TestFilesChange(t *testing.T) {
	h := newHost(t)
	if _, err := h.Find("net"); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("Find: %v", err)
	}
	h.write("net.conflist", bridge("1.0.0", "net", "10.26.0.0/24"))
	h.write("broken.conflist", "{")
	h.warm("net")
	h.clean()
	h.mustAttach("box", "net")
	if err := os.Remove(filepath.Join(h.config, "net.conflist")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Find("net"); !errors.Is(err, mctr.ErrNotFound) || !strings.Contains(err.Error(), "broken.conflist") {
		t.Errorf("Find: %v", err)
	}
	h.mustDetach("box")
}

// TestElsewhere checks that DEL uses the plugin directories of ADD, even if this process has
// others.
func TestElsewhere(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", bridge("1.0.0", "net", "10.28.0.0/24"))
	h.warm("net")
	h.clean()
	a := h.mustAttach("box", "net")
	h.Networks = cni.New(
		cni.Config{Root: h.root, State: h.state, ConfigDirs: []string{h.config}, PluginDirs: []string{t.TempDir()}})
	if err := h.Check(t.Context(), a); err != nil {
		t.Errorf("CHECK: %v", err)
	}
	h.mustDetach("box")
}

// TestReboot detaches a container after its namespace and everything in it has been removed.
func TestReboot(t *testing.T) {
	h := newHost(t)
	h.write("net.conflist", bridge("1.0.0", "net", "10.27.0.0/24"))
	h.warm("net")
	h.clean()
	h.mustAttach("box", "net")
	if err := h.Unpin("box"); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	h.mustDetach("box")
}
