package calico

import (
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Profile is what a network says of its containers where no policy selects one:
// who may reach them, and labels that all of them have. Calico's CNI plugin makes
// one of the network's name when the first container is attached and there is none,
// by which a network's containers reach each other and no other host reaches them. It
// never changes one that is there.
type Profile struct {
	Name   string            // of the CNI network, lower case
	Labels map[string]string // besides the network's name, which SelectorOfNetwork selects by
	Rules  []Rule            // of what comes; what goes is allowed
	Peers  []string          // as of a Policy
}

// Resource renders the profile. The error wraps mctr.ErrInvalid.
func (p *Profile) Resource() (*v3.Profile, error) {
	rules, err := toRules(p.Rules, p.Peers, false)
	if err != nil {
		return nil, err
	}
	r := v3.NewProfile()
	r.ObjectMeta = metav1.ObjectMeta{Name: p.Name}
	r.Spec = v3.ProfileSpec{Ingress: rules, Egress: []v3.Rule{{Action: v3.Allow}},
		LabelsToApply: map[string]string{p.Name: ""}}
	for key, value := range p.Labels {
		r.Spec.LabelsToApply[Label(key)] = Label(value)
	}
	return r, Check(r)
}
