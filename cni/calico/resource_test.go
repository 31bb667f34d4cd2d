package calico_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/calico"
)

func rules(t *testing.T, texts ...string) []calico.Rule {
	t.Helper()
	var all []calico.Rule
	for _, text := range texts {
		text, deny := strings.CutPrefix(text, "deny ")
		r, err := calico.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		r.Deny = deny
		all = append(all, r)
	}
	return all
}

// TestRender compares rendered resources with resources that were written by hand.
func TestRender(t *testing.T) {
	order := 10.0
	for name, c := range map[string]struct {
		from interface {
			render() (calico.Resource, error)
		}
		want string
	}{
		"namespaced": {policy{Name: "servers", Selector: `role == "server"`,
			Rules: rules(t, "tcp:9000,9100-9200", "deny udp"), Peers: []string{`role == "client"`}}, `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: servers, namespace: default}
spec:
  selector: role == "server"
  types: [Ingress]
  ingress:
  - {action: Allow, protocol: TCP, source: {selector: role == "client"}, destination: {ports: [9000, "9100:9200"]}}
  - {action: Deny, protocol: UDP, source: {selector: role == "client"}}
`},
		"global, every sort of peer": {policy{Name: "servers", Global: true, Order: &order, Rules: rules(t, "all"),
			Peers: []string{"has(a)", "10.0.0.0/8", "has(b)", "192.0.2.1"}}, `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: servers}
spec:
  order: 10
  types: [Ingress]
  ingress:
  - {action: Allow, source: {selector: has(a)}}
  - {action: Allow, source: {selector: has(b)}}
  - {action: Allow, source: {nets: [10.0.0.0/8, 192.0.2.1/32]}}
`},
		"outgoing": {policy{Name: "out", Outgoing: true, Rules: rules(t, "tcp:443", "icmp", "112"),
			Peers: []string{"2001:db8::/32"}}, `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: out, namespace: default}
spec:
  types: [Egress]
  egress:
  - {action: Allow, protocol: TCP, destination: {nets: ["2001:db8::/32"], ports: [443]}}
  - {action: Allow, protocol: ICMP, destination: {nets: ["2001:db8::/32"]}}
  - {action: Allow, protocol: 112, destination: {nets: ["2001:db8::/32"]}}
`},
		"nothing is allowed": {policy{Name: "none"}, `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: none, namespace: default}
spec: {types: [Ingress]}
`},
		"pool": {pool{Name: "tasks", CIDR: "10.1.0.0/16", Tunnel: "vxlan", NAT: true, BlockSize: 28,
			Nodes: `rack == "a"`}, `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: tasks}
spec: {cidr: 10.1.0.0/16, vxlanMode: Always, ipipMode: Never, natOutgoing: true, blockSize: 28, nodeSelector: rack == "a"}
`},
		"profile": {profile{Name: "prod", Labels: map[string]string{"tier": "/a/b"}, Rules: rules(t, "all"),
			Peers: []string{"has(prod)"}}, `
apiVersion: projectcalico.org/v3
kind: Profile
metadata: {name: prod}
spec:
  labelsToApply: {prod: "", tier: a.b}
  ingress: [{action: Allow, source: {selector: has(prod)}}]
  egress: [{action: Allow}]
`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.from.render()
			if err != nil {
				t.Fatal(err)
			}
			want, err := calico.Decode(strings.NewReader(c.want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text(t, want[0]), text(t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type (
	policy  calico.Policy
	pool    calico.Pool
	profile calico.Profile
)

func (p policy) render() (calico.Resource, error)  { return (*calico.Policy)(&p).Resource() }
func (p pool) render() (calico.Resource, error)    { return (*calico.Pool)(&p).Resource() }
func (p profile) render() (calico.Resource, error) { return (*calico.Profile)(&p).Resource() }

func text(t *testing.T, r calico.Resource) string {
	t.Helper()
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRefused has resources that are not valid, each with a word of the error.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		from interface {
			render() (calico.Resource, error)
		}
		says string
	}{
		{policy{Name: "Servers"}, "lower-case"},
		{policy{Name: "a.b"}, "lower-case"},
		{policy{Name: "--all"}, "lower-case"},
		{policy{}, "lower-case"},
		{policy{Name: "a", Namespace: "A"}, "namespace"},
		{policy{Name: "a", Global: true, Namespace: "b"}, "namespace"},
		{policy{Name: "a", Selector: "role"}, "selector"},
		{policy{Name: "a", Rules: rules(t, "tcp"), Peers: []string{"10.0.0.0/33"}}, "10.0.0.0/33"},
		{policy{Name: "a", Peers: []string{""}}, "neither"},
		{policy{Name: "a", Rules: []calico.Rule{{Protocol: "http"}}}, "http"},
		{pool{Name: "a", CIDR: "10.0.0.1/16"}, "10.0.0.0/16"},
		{pool{Name: "a", CIDR: "10.0.0.0"}, "CIDR"},
		{pool{Name: "a", CIDR: "10.0.0.0/30"}, "smaller"},
		{pool{Name: "a", CIDR: "10.0.0.0/16", BlockSize: 19}, "/20 to /32"},
		{pool{Name: "a", CIDR: "2001:db8::/64", BlockSize: 64}, "/116 to /128"},
		{pool{Name: "a", CIDR: "10.0.0.0/16", Tunnel: "gre"}, "gre"},
		{pool{Name: "a", CIDR: "10.0.0.0/16", Nodes: "("}, "selector"},
		{profile{Name: "Prod"}, "lower-case"},
	} {
		if _, err := c.from.render(); !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.from, err)
		}
	}
}

func TestParseRule(t *testing.T) {
	for _, bad := range []string{"", "tcp:", "tcp:0", "tcp:65536", "tcp:9-8", "tcp:80,", "icmp:1", "all:80", "300", "0",
		"tcp:http", "tcp:1-2-3"} {
		if _, err := calico.ParseRule(bad); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDecode(t *testing.T) {
	const head = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: a}\n"
	all, err := calico.Decode(
		strings.NewReader("# first\n---\n" + head + "---\n" +
			`{"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "b"}}`))
	if err != nil || len(all) != 2 || calico.KindOf(all[1]) != "IPPool" || all[1].GetName() != "b" {
		t.Fatal(all, err)
	}
	for in, says := range map[string]string{
		head + "spec: {selecter: all()}":                            "selecter",
		head + "spec: {Selector: all()}":                            "Selector",
		head + "spec: {ingress: [{action: Allow, form: 1}]}":        "form",
		head + "spec: {}\nspec: {}":                                 "spec",
		head + "spec: {tier: t}":                                    "tier",
		head + "spec: {ingress: [{destination: {ports: [70000]}}]}": "70000",
		"apiVersion: v1\nkind: Pod":                                 "apiVersion",
		"apiVersion: projectcalico.org/v3\nkind: Tier":              "Tier",
		"[]":   "resource 1",
		"a: [": "resource 1",
	} {
		if _, err := calico.Decode(strings.NewReader(in)); !errors.Is(err, mctr.ErrInvalid) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// TestCheckDecoded has resources that only a file can describe.
func TestCheckDecoded(t *testing.T) {
	for in, says := range map[string]string{
		"{kind: NetworkPolicy, spec: {ingress: [{action: Permit}]}}":                                "Permit",
		"{kind: NetworkPolicy, spec: {egress: [{action: Allow, destination: {ports: [80]}}]}}":      "TCP, UDP or SCTP",
		"{kind: NetworkPolicy, spec: {egress: [{action: Allow, destination: {notNets: [x]}}]}}":     "not a network",
		"{kind: GlobalNetworkPolicy, spec: {namespaceSelector: x}}":                                 "selector",
		"{kind: GlobalNetworkPolicy, spec: {ingress: [{action: Allow, source: {notSelector: x}}]}}": "rule 1",
		"{kind: Profile, spec: {ingress: [{action: Allow}, " +
			"{action: Allow, source: {namespaceSelector: 'x'}}]}}": "rule 2",
	} {
		all, err := calico.Decode(
			strings.NewReader("apiVersion: projectcalico.org/v3\nmetadata: {name: a}\n" +
				strings.ReplaceAll(strings.Trim(in, "{}"), ", spec: ", "\nspec: ") + "}"))
		if err != nil {
			t.Fatal(in, err)
		}
		if err := calico.Check(all[0]); !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", in, err)
		}
	}
}
