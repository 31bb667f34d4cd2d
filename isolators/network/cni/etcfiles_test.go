package cni

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/mctr/mctr"
)

func TestParseResolv(t *testing.T) {
	got := parseResolv("# mine\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver ::1\nnameserver fe80::1%eth0\n"+
		"nameserver nonsense\nsearch a b\nsearch c.d\noptions ndots:2 edns0\noptions rotate\nnameserver\n", false)
	want := mctr.DNS{Servers: []string{"10.0.0.1"}, Search: []string{"c.d"},
		Options: []string{"ndots:2", "edns0", "rotate"}}
	if !slices.Equal(got.Servers, want.Servers) || !slices.Equal(got.Search, want.Search) ||
		!slices.Equal(got.Options, want.Options) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// FuzzParseResolv checks that settings that were read from a host's file are the same after they
// were written and read again.
func FuzzParseResolv(f *testing.F) {
	f.Add("nameserver 10.0.0.1\nsearch example.com\noptions ndots:2\n")
	f.Add("nameserver\t1.1.1.1\r\ndomain .\n;x\n")
	f.Fuzz(func(t *testing.T, text string) {
		d := parseResolv(text, false)
		for _, s := range d.Servers {
			if addr, err := netip.ParseAddr(s); err != nil || addr.IsLoopback() {
				t.Errorf("server %q", s)
			}
		}
		again := parseResolv(resolvText(d), false)
		if !slices.Equal(again.Servers, d.Servers) || !slices.Equal(again.Options, d.Options) {
			t.Errorf("%+v was written as %q", d, resolvText(d))
		}
	})
}

func TestExtraHosts(t *testing.T) {
	for text, want := range map[string]extraHost{
		"db:10.0.0.1":       {"db", "10.0.0.1"},
		"db=10.0.0.1":       {"db", "10.0.0.1"},
		"db:fd00::1":        {"db", "fd00::1"},
		"db:[fd00::1]":      {"db", "fd00::1"},
		"db=[fd00::1]":      {"db", "fd00::1"},
		"db=fd00::1":        {"db", "fd00::1"},
		"my_db.a.b:1.1.1.1": {"my_db.a.b", "1.1.1.1"},
		"up=host-gateway":   {"up", hostGateway},
	} {
		if got, err := parseExtraHost(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "db", "db:", ":1.1.1.1", "=1.1.1.1", "db:1.1.1", "db:[fd00::1", "db:fd00::1]",
		"db:fe80::1%eth0", "a b:1.1.1.1", "-a:1.1.1.1", "a..b:1.1.1.1", "a#b:1.1.1.1", "db:host", "db:1.1.1.1 x"} {
		if got, err := parseExtraHost(text); err == nil {
			t.Errorf("%q was taken for %+v", text, got)
		}
	}
}
