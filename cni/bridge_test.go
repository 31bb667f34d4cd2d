package cni_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// TestFirstADDFails lets a network's first ADD fail after the bridge plugin. The next ADD must
// succeed, and the bridge must keep one hardware address.
func TestFirstADDFails(t *testing.T) {
	for name, make := range map[string]func(h *host) (device, store string){
		"own": func(h *host) (string, string) {
			own, err := h.Create(t.Context(), "narrow",
				cni.Definition{Subnets: []cni.Subnet{{Subnet: netip.MustParsePrefix("10.47.0.0/30")}}})
			if err != nil {
				t.Fatal(err)
			}
			return own.Definition.Bridge, filepath.Join(h.root, "addresses", "narrow")
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

// TestSubnetOfTwo lets two roots choose the same subnet before either has a bridge. The second one
// to attach must fail, and work again after the first has removed its network.
func TestSubnetOfTwo(t *testing.T) {
	one, two := newHost(t), newHost(t)
	for _, h := range []*host{one, two} {
		if _, err := h.Create(t.Context(), "twice",
			cni.Definition{Subnets: []cni.Subnet{{Subnet: netip.MustParsePrefix("10.48.0.0/24")}}}); err != nil {
			t.Fatal(err)
		}
	}
	one.mustAttach("box", "twice")
	_, err := two.attach("box", "twice")
	if !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(),
			one.find("twice").Definition.Bridge+" of this host now has the address 10.48.0.1/24") {
		t.Errorf("attach: %v", err)
	}
	two.mustDetach("box")
	one.mustDetach("box")
	if err := one.Networks.Remove(t.Context(), "twice"); err != nil {
		t.Fatal(err)
	}
	two.mustAttach("box", "twice")
	two.mustDetach("box")
	if err := two.Networks.Remove(t.Context(), "twice"); err != nil {
		t.Fatal(err)
	}
}

// TestSubnetsOfMany lets several roots choose subnets at the same time. Each must get its own.
func TestSubnetsOfMany(t *testing.T) {
	hosts := make([]*host, 6)
	for i := range hosts {
		hosts[i] = newHost(t)
	}
	var all sync.WaitGroup
	subnets, errs := make([]string, len(hosts)), make([]error, len(hosts))
	for i, h := range hosts {
		all.Go(func() {
			network, err := h.Create(t.Context(), "many", cni.Definition{})
			if errs[i] = err; err == nil {
				subnets[i] = network.Definition.Subnets[0].Subnet.String()
			}
		})
	}
	all.Wait()
	slices.Sort(subnets)
	if err := errors.Join(errs...); err != nil || len(slices.Compact(slices.Clone(subnets))) != len(hosts) {
		t.Errorf("%v, %v", subnets, err)
	}
	for _, h := range hosts {
		if err := h.Networks.Remove(t.Context(), "many"); err != nil {
			t.Error(err)
		}
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
