package cni_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/leakcheck"
)

// A host has the reference plugins of make build, the plugin fake, and directories of its own.
type host struct {
	*cni.Networks
	t                   *testing.T
	root, state, config string
	plugins             string
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, root: t.TempDir(), state: t.TempDir(), config: t.TempDir(), plugins: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(h.plugins, "fake")); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	return h
}

// reopen returns a host as an agent that was started again has it.
func (h *host) reopen() {
	built, err := filepath.Abs("../bin/cni")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(built, "bridge")); err != nil {
		h.t.Fatal(err, "(make build)")
	}
	h.Networks = cni.New(cni.Config{
		Root: h.root, State: h.state, ConfigDirs: []string{h.config}, PluginDirs: []string{h.plugins, built},
		Timeout: 10 * time.Second,
	})
}

// write writes a configuration into the operator's directory.
func (h *host) write(file, content string) {
	h.t.Helper()
	content = strings.NewReplacer("$STORE", filepath.Join(h.root, "store"), "$LOG", h.log()).Replace(content)
	if err := os.WriteFile(filepath.Join(h.config, file), []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) log() string { return filepath.Join(h.root, "log") }

func (h *host) find(name string) *cni.Network {
	h.t.Helper()
	n, err := h.Find(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// bridge returns a list with a bridge for the subnet, followed by extra plugins.
func bridge(version, name, subnet string, extra ...string) string {
	plugins := append(
		[]string{fmt.Sprintf(`{"type": "bridge", "bridge": "%s", "isGateway": true, "capabilities": {"ips": true, "mac": true},
		"ipam": {"type": "host-local", "ranges": [[{"subnet": "%s"}]], "dataDir": "$STORE", "routes": [{"dst": "0.0.0.0/0"}]}}`, "br"+strings.ReplaceAll(strings.Split(subnet, "/")[0], ".", "-"), subnet)}, extra...)
	return fmt.Sprintf(`{"cniVersion": "%s", "name": "%s", "plugins": [%s]}`, version, name,
		strings.Join(plugins, ", "))
}

// attach pins a namespace and attaches it.
func (h *host) attach(id mctr.ContainerID, network string, change ...func(*cni.Request)) (*cni.Attachment, error) {
	h.t.Helper()
	if _, err := h.Pin(id); err != nil {
		h.t.Fatal(err)
	}
	r := cni.Request{Container: id, Network: h.find(network), Interface: "eth0"}
	for _, c := range change {
		c(&r)
	}
	return h.Attach(h.t.Context(), r)
}

func (h *host) mustAttach(id mctr.ContainerID, network string, change ...func(*cni.Request)) *cni.Attachment {
	h.t.Helper()
	a, err := h.attach(id, network, change...)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// addresses returns the addresses of the interface in the container's namespace.
func (h *host) addresses(id mctr.ContainerID, ifname string) []netip.Prefix {
	h.t.Helper()
	ns, err := netns.GetFromPath(h.Namespace(id))
	if err != nil {
		h.t.Fatal(err)
	}
	defer ns.Close()
	links, err := netlink.NewHandleAt(ns)
	if err != nil {
		h.t.Fatal(err)
	}
	defer links.Close()
	link, err := links.LinkByName(ifname)
	if err != nil {
		h.t.Fatalf("%s: %v", ifname, err)
	}
	list, err := links.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		h.t.Fatal(err)
	}
	var found []netip.Prefix
	for _, a := range list {
		if addr, ok := netip.AddrFromSlice(a.IP); ok && !addr.IsLinkLocalUnicast() {
			ones, _ := a.Mask.Size()
			found = append(found, netip.PrefixFrom(addr.Unmap(), ones))
		}
	}
	return found
}

// clean checks that everything is gone at the end of the test: interfaces, namespaces, rules,
// mounts, processes, addresses in the store, records. Objects that plugins never remove, which are
// bridges and base chains, must exist before clean is called.
func (h *host) clean() {
	h.t.Helper()
	host := leakcheck.Snapshot(h.t,
		leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Link, leakcheck.Rule, leakcheck.Process, leakcheck.File}})
	mounts := leakcheck.Snapshot(h.t,
		leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Netns}, Names: []string{h.root, h.state}})
	h.t.Cleanup(func() {
		host.Check()
		mounts.Check()
		if left := h.stored(); len(left) > 0 {
			h.t.Errorf("addresses still given out: %v", left)
		}
		for _, dir := range []string{filepath.Join(h.root, "attachments"), filepath.Join(h.state, "netns")} {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				h.t.Errorf("left behind: %s", filepath.Join(dir, e.Name()))
			}
		}
	})
}

// stored returns the addresses in the stores of host-local.
func (h *host) stored() (list []string) {
	for _, store := range []string{filepath.Join(h.root, "store"), filepath.Join(h.root, "addresses")} {
		files, _ := filepath.Glob(filepath.Join(store, "*", "*"))
		for _, f := range files {
			if net.ParseIP(strings.ReplaceAll(filepath.Base(f), "_", ":")) != nil {
				list = append(list, f)
			}
		}
	}
	return list
}

// warm lets the plugins make the objects that they never remove.
func (h *host) warm(networks ...string) {
	h.t.Helper()
	for _, n := range networks {
		h.mustAttach("warm", n)
		h.mustDetach("warm")
	}
}

func (h *host) mustDetach(id mctr.ContainerID) {
	h.t.Helper()
	if err := h.Detach(h.t.Context(), id); err != nil {
		h.t.Fatal(err)
	}
}
