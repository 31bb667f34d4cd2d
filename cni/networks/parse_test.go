package networks

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParse checks that an accepted list is accepted again in its recorded form, and that its names
// are valid for files and programs.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}, "capabilities": {"ips": true}}]}`,
		`{"cniVersion": "0.3.1", "cniVersions": ["1.1.0"], "name": "a", "plugins": [{"type": "x"}], "mctr": {"gc": true}}`,
		`{"name": "../x", "plugins": [{"type": ""}]}`, `{"plugins": {}}`, `[]`,
		`{"cniVersion": "9.9.9", "name": "n", "plugins": [{"type": "t"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Parse(data)
		if err != nil {
			return
		}
		if n.Name == "" || strings.ContainsAny(n.Name, "/\x00") || n.Name[0] == '.' || len(n.Plugins()) == 0 {
			t.Errorf("name %q, plugins %q", n.Name, n.Plugins())
		}
		again, err := Parse(n.Bytes())
		if err != nil || again.Name != n.Name || len(again.Plugins()) != len(n.Plugins()) {
			t.Errorf("what is recorded cannot be read: %v", err)
		}
	})
}

func TestSubnets(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		given, want Subnet
		says        string
	}{
		{given: Subnet{Subnet: prefix("10.9.0.0/24")},
			want: Subnet{prefix("10.9.0.0/24"), prefix("10.9.0.0/24"), netip.MustParseAddr("10.9.0.1")}},
		{given: Subnet{Subnet: prefix("10.9.0.0/16"), Range: prefix("10.9.3.0/24")},
			want: Subnet{prefix("10.9.0.0/16"), prefix("10.9.3.0/24"), netip.MustParseAddr("10.9.3.1")}},
		{given: Subnet{Subnet: prefix("fd00::/64"), Gateway: netip.MustParseAddr("fd00::5")},
			want: Subnet{prefix("fd00::/64"), prefix("fd00::/64"), netip.MustParseAddr("fd00::5")}},
		{given: Subnet{Subnet: prefix("10.9.0.1/24")}, says: "did you mean 10.9.0.0/24"},
		{given: Subnet{Subnet: prefix("10.9.0.0/31")}, says: "no room"},
		{given: Subnet{Subnet: prefix("0.0.0.0/0")}, says: "no room"},
		{given: Subnet{Subnet: prefix("224.0.0.0/8")}, says: "no room"},
		{given: Subnet{Subnet: prefix("10.9.0.0/24"), Range: prefix("10.9.0.0/16")}, says: "definition.subnets.range"},
		{given: Subnet{Subnet: prefix("10.9.0.0/24"), Range: prefix("10.8.0.0/25")}, says: "definition.subnets.range"},
		{given: Subnet{Subnet: prefix("10.9.0.0/24"), Gateway: netip.MustParseAddr("10.8.0.1")},
			says: "definition.subnets.gateway"},
		{given: Subnet{Subnet: prefix("10.9.0.0/24"), Gateway: netip.MustParseAddr("10.9.0.0")},
			says: "definition.subnets.gateway"},
	} {
		got := c.given
		err := got.complete()
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: %v, want %q", c.given, err, c.says)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%v: %v %v, want %v", c.given, got, err, c.want)
		}
	}
}

func TestFreeSubnet(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		used []netip.Prefix
		want string
	}{
		{nil, "10.96.0.0/24"},
		{[]netip.Prefix{prefix("10.96.0.0/24"), prefix("192.168.0.0/16")}, "10.96.1.0/24"},
		{[]netip.Prefix{prefix("10.96.0.0/16")}, "10.97.0.0/24"},
	} {
		if got, err := freeSubnet(c.used); err != nil || got.String() != c.want {
			t.Errorf("beside %v: %v %v, want %s", c.used, got, err, c.want)
		}
	}
	if got, err := freeSubnet([]netip.Prefix{prefix("10.0.0.0/8")}); err == nil {
		t.Errorf("all is used, and %v is free", got)
	}
	if got := lastHost(prefix("10.9.0.0/23")).String(); got != "10.9.1.254" {
		t.Errorf("last host %s", got)
	}
}
