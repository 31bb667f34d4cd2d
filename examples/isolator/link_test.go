package main

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/testns" // another module runs its tests with: unshare -mn go test
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func TestMain(m *testing.M) { testns.Main(m) }

func asking(mtu string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Annotations: map[string]string{annotation: mtu}}
}

// TestConformance runs the suite with a plain container, and with one that has an interface.
func TestConformance(t *testing.T) {
	config := asking("1400")
	isolatortest.Run(t, func() isolators.Isolator { return link{} }, &config)
}

func TestCheck(t *testing.T) {
	isolatortest.Accepts(t, link{}, asking("68"), asking("65535"))
	isolatortest.Refuses(t, link{}, []isolatortest.Refusal{
		{Config: asking("big"), Is: mctr.ErrInvalid, Field: "annotations"},
		{Config: asking("67"), Is: mctr.ErrInvalid, Field: "annotations"},
	})
}

// TestAnothersStays checks that the isolator neither uses nor removes an interface of another
// owner.
func TestAnothersStays(t *testing.T) {
	c := isolatortest.NewContainer(t, asking("1400"))
	another := &netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: c.ID.Interface(prefix)}}
	if err := netlink.LinkAdd(another); err != nil {
		t.Fatal(err)
	}
	if _, err := (link{}).Prepare(t.Context(), c); err == nil {
		t.Error("Prepare takes another's interface")
	}
	if err := (link{}).Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
	if err := netlink.LinkDel(another); err != nil {
		t.Errorf("another's interface was removed: %v", err)
	}
}
