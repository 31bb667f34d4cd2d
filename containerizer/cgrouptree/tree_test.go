package cgrouptree

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// TestWanted is what flags make of what STATE has.
func TestWanted(t *testing.T) {
	none := "not given"
	for _, c := range []struct {
		recorded, manager, above string
		want                     string
		is                       error
	}{
		{"", "", none, "", nil},
		{"some/group", "", none, "some/group", nil},
		{"some/group", "cgroupfs", none, "some/group", nil},
		{"some/group", "", "", "", nil},
		{"", "cgroupfs", "some/group", "some/group", nil},
		{"", "cgroupfs", "a.slice", "", mctr.ErrInvalid},
		{"", "", "a.slice", "", mctr.ErrInvalid},
		{"", "systemd", none, "system.slice", nil},
		{"some/group", "systemd", none, "system.slice", nil},
		{"a.slice", "systemd", none, "a.slice", nil},
		{"a.slice", "systemd", "", "system.slice", nil},
		{"a.slice", "systemd", "b-c.slice", "b.slice/b-c.slice", nil},
		{"a.slice", "", none, "a.slice", nil},
		{"a.slice", "cgroupfs", none, "", nil},
		{"a.slice", "cgroupfs", "", "", nil},
		{"", "systemd", "some/group", "", mctr.ErrInvalid},
	} {
		asked := &Tree{Manager: c.manager, Store: &store.Store{Layout: store.Layout{Parent: c.recorded}}}
		if c.above != none {
			asked.Parent = &c.above
		}
		got, err := asked.wanted()
		if !errors.Is(err, c.is) || err == nil && got != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}
