package calico

import (
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Profile has the rules of a network for containers that no policy selects, and labels for all
// containers of the network. If a network has no profile of its name when the first container is
// attached, Calico's CNI plugin makes one. This profile lets the network's containers reach each
// other and nothing else reach them. The plugin never changes a profile that exists.
type Profile struct {
	Name   string            // the name of the CNI network, lower case
	Labels map[string]string // besides the network's name, which SelectorOfNetwork uses
	Rules  []Rule            // for incoming traffic; outgoing traffic is allowed
	Peers  []string          // as in a Policy
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
