package calico

import (
	"cmp"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Policy describes, in simple terms, the traffic that the selected containers may receive or, if
// the policy is Outgoing, send. As soon as one policy for a direction selects a container, traffic
// in that direction that no policy allows is denied. A policy that needs more than these fields is
// written as a v3.NetworkPolicy and read by Decode.
type Policy struct {
	Name      string   // a DNS label
	Namespace string   // empty: DefaultNamespace
	Global    bool     // not in a namespace; also selects endpoints of hosts
	Selector  string   // empty: all containers
	Order     *float64 // lower orders come first; nil: last
	Outgoing  bool
	Rules     []Rule   // in this order; empty: all traffic is denied
	Peers     []string // selectors, networks and addresses of the other side; empty: any
}

// Resource renders the policy as a *v3.GlobalNetworkPolicy or a *v3.NetworkPolicy. The error wraps
// mctr.ErrInvalid.
func (p *Policy) Resource() (Resource, error) {
	rules, err := toRules(p.Rules, p.Peers, p.Outgoing)
	if err != nil {
		return nil, err
	}
	spec := v3.NetworkPolicySpec{Order: p.Order, Selector: p.Selector, Types: []v3.PolicyType{v3.PolicyTypeIngress},
		Ingress: rules}
	if p.Outgoing {
		spec.Types, spec.Ingress, spec.Egress = []v3.PolicyType{v3.PolicyTypeEgress}, nil, rules
	}
	r := p.with(spec)
	return r, Check(r)
}

func (p *Policy) with(spec v3.NetworkPolicySpec) Resource {
	if p.Global {
		g := v3.NewGlobalNetworkPolicy()
		g.ObjectMeta = metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}
		g.Spec = v3.GlobalNetworkPolicySpec{Order: spec.Order, Selector: spec.Selector, Types: spec.Types,
			Ingress: spec.Ingress, Egress: spec.Egress}
		return g
	}
	n := v3.NewNetworkPolicy()
	n.ObjectMeta = metav1.ObjectMeta{Name: p.Name, Namespace: cmp.Or(p.Namespace, DefaultNamespace)}
	n.Spec = spec
	return n
}
