package cni_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// TestRefusedDefinitions has networks with a name or a definition that is not valid.
func TestRefusedDefinitions(t *testing.T) {
	six := []cni.Subnet{{Subnet: netip.MustParsePrefix("fd00:36::/64")}}
	for _, c := range []struct {
		name       string
		definition cni.Definition
	}{
		{"none", cni.Definition{}}, {"host", cni.Definition{}}, {"parent", cni.Definition{}},
		{"container", cni.Definition{}}, {"a/b", cni.Definition{}},
		{"net", cni.Definition{MTU: 1279, Subnets: six}}, {"net", cni.Definition{MTU: 575}},
		{"net", cni.Definition{Driver: "ipvlan"}},
	} {
		if n, err := newHost(t).Create(t.Context(), c.name, c.definition); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s, %+v: %+v, %v", c.name, c.definition, n, err)
		}
	}
}

// TestRemovedMeanwhile removes a network, or makes it again, after a launch has found it. The
// launch must not bring back the old network.
func TestRemovedMeanwhile(t *testing.T) {
	h := newHost(t)
	create := func(subnet string) *cni.Network {
		t.Helper()
		n, err := h.Create(t.Context(), "net",
			cni.Definition{Subnets: []cni.Subnet{{Subnet: netip.MustParsePrefix(subnet)}}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	remove := func() {
		t.Helper()
		if err := h.Remove(t.Context(), "net"); err != nil {
			t.Error(err)
		}
	}
	found := create("10.36.0.0/24")
	attach := func(r *cni.Request) { r.Network = found }
	remove()
	create("10.36.1.0/24")
	if a := h.mustAttach("box", "net", attach); a.Result.Addresses[0].Masked().String() != "10.36.1.0/24" {
		t.Errorf("attached to the network that was removed: %v", a.Result.Addresses)
	}
	h.mustDetach("box")
	remove()
	h.clean()
	h.write("net.conflist", bridge("1.0.0", "net", "10.36.2.0/24")) // an operator's, for attach to find
	if _, err := h.attach("box", "net", attach); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("attached to the network that was removed: %v", err)
	}
	h.mustDetach("box")
}

// TestBrokenByHand checks that an unreadable file of mctr's own is kept, and that the error names
// it.
func TestBrokenByHand(t *testing.T) {
	h := newHost(t)
	file := filepath.Join(h.root, "networks", cni.Default+".conflist")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("{"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Ensure(t.Context(), cni.Default); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("the default network: %v", err)
	}
	if _, err := h.Create(t.Context(), cni.Default, cni.Definition{}); !errors.Is(err, mctr.ErrExists) ||
		!strings.Contains(err.Error(), file) {
		t.Errorf("create: %v", err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "{" {
		t.Errorf("the file has %q, %v", data, err)
	}
}

// TestNoFile checks that a pipe among the files is skipped: reading it would never end.
func TestNoFile(t *testing.T) {
	h := newHost(t)
	if err := unix.Mkfifo(filepath.Join(h.config, "a.conflist"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.write("b.conflist", bridge("1.0.0", "net", "10.37.0.0/24"))
	if all, err := h.All(); len(all) != 1 || all[0].Name != "net" || !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("%v, %v", all, err)
	}
}
