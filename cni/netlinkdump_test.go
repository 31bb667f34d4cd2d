package cni_test

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr/cni"
)

// TestAmidstChanges makes networks while the host's interfaces and addresses change all the time.
// There are too many of them for one netlink message.
func TestAmidstChanges(t *testing.T) {
	h := newHost(t)
	crowd := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "crowd"}}
	if err := netlink.LinkAdd(crowd); err != nil {
		t.Fatal(err)
	}
	defer removeDevice(t, "crowd")
	for i := range 1000 {
		address := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
		if err := netlink.AddrAdd(crowd, &netlink.Addr{IPNet: netlink.NewIPNet(address.AsSlice())}); err != nil {
			t.Fatal(err)
		}
	}
	var over atomic.Bool
	changed := make(chan error)
	go func() {
		var err error
		for i := 0; err == nil && !over.Load(); i++ {
			err = comeAndGo(i)
		}
		changed <- err
	}()
	for i := range 30 {
		name := fmt.Sprint("amidst", i)
		if _, err := h.Create(t.Context(), name, cni.Definition{}); err != nil {
			t.Error(err)
			break
		}
		if err := h.Networks.Remove(t.Context(), name); err != nil {
			t.Error(err)
			break
		}
	}
	over.Store(true)
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
}

func comeAndGo(i int) error {
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "fickle"}}
	if err := netlink.LinkAdd(link); err != nil {
		return err
	}
	address := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
	for _, change := range []func(netlink.Link, *netlink.Addr) error{netlink.AddrAdd, netlink.AddrDel} {
		if err := change(link, &netlink.Addr{IPNet: netlink.NewIPNet(address.AsSlice())}); err != nil {
			return err
		}
	}
	return netlink.LinkDel(link)
}
