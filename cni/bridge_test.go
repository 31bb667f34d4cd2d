package cni_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr/cni"
)

// TestFirstADDFails has a network's first ADD fail behind its bridge, and then wants
// the next one to succeed, and the bridge's hardware address to be there for good.
func TestFirstADDFails(t *testing.T) {
	for name, make := range map[string]func(h *host) (device, store string){
		"own": func(h *host) (string, string) {
			own, err := h.Create("narrow", cni.Definition{Subnets: []cni.Subnet{{Subnet: netip.MustParsePrefix("10.47.0.0/30")}}})
			if err != nil {
				t.Fatal(err)
			}
			return own.Own.Bridge, filepath.Join(h.root, "addresses", "narrow")
		},
		"an operator's": func(h *host) (string, string) {
			h.write("narrow.conflist", bridge("1.1.0", "narrow", "10.47.0.0/30"))
			return "br10-47-0-0", filepath.Join(h.root, "store", "narrow")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			device, store := make(h)
			defer removeDevice(t, device)
			if err := os.MkdirAll(store, 0o755); err != nil {
				t.Fatal(err)
			}
			only := plant(t, store, "10.47.0.2")
			if _, err := h.attach("first", "narrow"); err == nil {
				t.Fatal("there was no address, and it was attached")
			}
			h.mustDetach("first")
			if err := os.Remove(only); err != nil {
				t.Fatal(err)
			}
			defer h.mustDetach("second")
			h.mustAttach("second", "narrow")
			address := hardwareAddress(t, device)
			h.mustDetach("second")
			if now := hardwareAddress(t, device); now != address {
				t.Errorf("%s had the address %s with a port, %s without", device, address, now)
			}
		})
	}
}

func removeDevice(t *testing.T, device string) {
	link, err := netlink.LinkByName(device)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil {
		t.Error(err)
	}
}

func hardwareAddress(t *testing.T, device string) string {
	t.Helper()
	link, err := netlink.LinkByName(device)
	if err != nil {
		t.Fatal(err)
	}
	return link.Attrs().HardwareAddr.String()
}
