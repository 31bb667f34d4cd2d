package cni_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// plant assigns an address to another user in a store of host-local.
func plant(t *testing.T, store, address string) string {
	t.Helper()
	path := filepath.Join(store, address)
	if err := os.WriteFile(path, []byte("somebody\r\neth0"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func given(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestGC checks that GC of mctr's own network releases an address whose record was lost, and keeps
// those of containers.
func TestGC(t *testing.T) {
	h := newHost(t)
	network, err := h.Create(t.Context(), "own", cni.Definition{})
	if err != nil {
		t.Fatal(err)
	}
	a := h.mustAttach("box", "own")
	lost := h.mustAttach("lost", "own")
	stray := filepath.Join(h.root, "addresses", "own", lost.Result.Addresses[0].Addr().String())
	if err := os.Remove(
		filepath.Join(h.root, "attachments", mctr.ContainerID("lost").Hash()+".eth0.json")); err != nil ||
		!given(stray) {
		t.Fatal(err, "or no address was given out")
	}
	if err := h.GC(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if given(stray) {
		t.Error("an address that nobody accounts for is still given out")
	}
	if mine := filepath.Join(h.root, "addresses", "own", a.Result.Addresses[0].Addr().String()); !given(mine) {
		t.Error("the container's address was freed")
	}
	if err := h.Check(t.Context(), a); err != nil {
		t.Errorf("the container's attachment was hurt: %v", err)
	}
	if err := h.Networks.Remove(t.Context(), "own"); !errors.Is(err, mctr.ErrState) {
		t.Errorf("it was removed under its container: %v", err)
	}
	h.mustDetach("box")
	h.mustDetach("lost")
	if err := h.Networks.Remove(t.Context(), "own"); err != nil {
		t.Fatal(err)
	}
}

// TestForeignAddressesSurvive checks that GC refuses an operator's network, whose store others use,
// unless the operator allows it.
func TestForeignAddressesSurvive(t *testing.T) {
	h := newHost(t)
	list := bridge("1.1.0", "shared", "10.35.0.0/24")
	h.write("shared.conflist", list)
	h.mustAttach("box", "shared")
	defer h.mustDetach("box")
	foreign := plant(t, filepath.Join(h.root, "store", "shared"), "10.35.0.200")
	if err := h.GC(t.Context(), h.find("shared")); !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(), "addresses of others") {
		t.Errorf("GC: %v", err)
	}
	h.mustAttach("other", "shared")
	h.mustDetach("other")
	if !given(foreign) {
		t.Error("a foreign address was freed")
	}
	h.write("shared.conflist", strings.Replace(list, "{", `{"mctr": {"gc": true}, `, 1))
	if err := h.GC(t.Context(), h.find("shared")); err != nil {
		t.Fatal(err)
	}
}

// TestCreateAtOnce makes networks at the same time. Of several with one name one must succeed, and
// those with different names must get different subnets.
func TestCreateAtOnce(t *testing.T) {
	h := newHost(t)
	made := make([]error, 8)
	each(len(made), func(i int) { _, made[i] = h.Create(t.Context(), "one", cni.Definition{}) })
	exist := 0
	for _, err := range made {
		if errors.Is(err, mctr.ErrExists) {
			exist++
		} else if err != nil {
			t.Error(err)
		}
	}
	if exist != len(made)-1 {
		t.Errorf("%d of %d were told that it exists", exist, len(made))
	}
	each(8, func(i int) {
		if _, err := h.Create(t.Context(), fmt.Sprint("n", i), cni.Definition{}); err != nil {
			t.Error(err)
		}
	})
	all, err := h.All()
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range all {
		for _, other := range all[:i] {
			if n.Definition.Subnets[0].Subnet.Overlaps(other.Definition.Subnets[0].Subnet) {
				t.Errorf("%s and %s have %v and %v", n.Name, other.Name, n.Definition.Subnets[0].Subnet,
					other.Definition.Subnets[0].Subnet)
			}
		}
	}
}
