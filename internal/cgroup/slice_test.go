package cgroup

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
)

func TestSlice(t *testing.T) {
	for name, want := range map[string]string{
		"system.slice":    "system.slice",
		"a-b.slice":       "a.slice/a-b.slice",
		"a-b-c.d.slice":   "a.slice/a-b.slice/a-b-c.d.slice",
		`a\x2db_1:.slice`: `a\x2db_1:.slice`,
	} {
		if got, err := Slice(name); err != nil || got != want || !IsSlice(got) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "auto", ".slice", "-.slice", "-a.slice", "a-.slice", "a--b.slice", "a/b.slice",
		"../a.slice", "a b.slice", "a.slice/", "a.service"} {
		if got, err := Slice(bad); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}
