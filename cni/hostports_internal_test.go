package cni

import (
	"errors"
	"net"
	"testing"

	"github.com/mctr/mctr"
)

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

// TestBindable looks at the port of a TCP listener: it is not free for TCP, and says nothing of other
// protocols.
func TestBindable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := mctr.Port{HostIP: "127.0.0.1", HostPort: uint16(l.Addr().(*net.TCPAddr).Port)}
	for protocol, want := range map[string]error{"tcp": mctr.ErrExists, "udp": nil, "sctp": nil} {
		p.Protocol = protocol
		if err := bindable(p); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", protocol, err, want)
		}
	}
}
