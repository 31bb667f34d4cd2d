package cni

import "testing"

// TestOverlap checks that addresses are compared as addresses, within their family.
func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "10.0.0.1", true}, {"", "::1", true}, {"", "", true},
		{"0.0.0.0", "10.0.0.1", true}, {"::", "fd00::1", true}, {"10.0.0.1", "10.0.0.1", true},
		{"fd00::1", "fd00:0::1", true}, {"::ffff:10.0.0.1", "10.0.0.1", true},
		{"0.0.0.0", "fd00::1", false}, {"::", "10.0.0.1", false}, {"::", "0.0.0.0", false},
		{"10.0.0.1", "10.0.0.2", false},
	} {
		if overlap(c.a, c.b) != c.want || overlap(c.b, c.a) != c.want {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.want)
		}
	}
}
