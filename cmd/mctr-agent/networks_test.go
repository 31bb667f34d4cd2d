package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mctr/mctr/agent/api"
)

// TestHostileNetworks checks that invalid definitions are refused, and create nothing.
func TestHostileNetworks(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		name, definition string
		want             int
	}{
		{"../../x", `{}`, 400},
		{"", `{}`, 400},
		{"host", `{}`, 400},
		{strings.Repeat("n", 5000), `{}`, 400},
		{"x", `{"driver":"weave"}`, 400},
		{"x", `{"subnets":[{"subnet":"everywhere"}]}`, 400},
		{"x", `{"subnets":[{"subnet":"10.92.0.0/24","gateway":"10.93.0.1"}]}`, 400},
		{"x", `{"subnets":[{"subnet":"10.92.0.0/24","range":"10.93.0.0/25"}]}`, 400},
		{"x", `{"driver":"macvlan","parent":"nothing"}`, 400},
		{"x", `{"driver":"macvlan","parent":"lo","bridge":"lo"}`, 400},
		{"x", `{"bridge":"lo"}`, 400},
		{"x", `{"gc":true}`, 400},
		{"x", `{"driver":"vxlan"}`, 400},
		{"x", `{"driver":"vxlan","overlay":{"vni":1,"device":"lo"}}`, 400},
		{"x", `{"mtu":1}`, 400},
		{"x", `{"mtu":"big"}`, 400},
		{"x", `{"dns":{"servers":["nobody"]}}`, 400},
		{"x", `{"colour":"blue"}`, 400},
		{"x", `[]`, 400},
	} {
		body := fmt.Sprintf(`{"type":"CREATE_NETWORK","create_network":{"name":%q,"definition":%s}}`, c.name,
			c.definition)
		if code, answer := h.post(nil, strings.NewReader(body)); code != c.want || len(answer) > 4096 {
			t.Errorf("%.100s: %d %.300s, want %d", body, code, answer, c.want)
		}
	}
	var list api.Networks
	h.call(200, api.ListNetworks, nil, &list)
	for _, n := range list.Networks {
		if n.Definition != nil {
			t.Errorf("unexpected network %s", n.Name)
		}
	}
	for _, kind := range []string{api.InspectNetwork, api.ProbeNetwork, api.RemoveNetwork, api.GCNetwork} {
		h.call(404, kind, api.NetworkName{Name: "nowhere"}, nil)
		h.call(404, kind, api.NetworkName{Name: "../../../etc/passwd"}, nil)
	}
	h.call(404, api.CheckNetworks, api.ID{ContainerID: id("nobody")}, nil)
}
