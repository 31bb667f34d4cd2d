package calico

import (
	"errors"
	"fmt"
	"net/netip"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mctr/mctr"
)

// Check checks a resource as far as that is possible without the datastore: names, networks,
// selectors, actions, and ports of protocols that have none. The error wraps mctr.ErrInvalid.
// Calico checks more.
func Check(r Resource) error {
	err := checkName(KindOf(r), r.GetName())
	switch r := r.(type) {
	case *v3.IPPool:
		err = errors.Join(err, checkPool(&r.Spec))
	case *v3.NetworkPolicy:
		err = errors.Join(err, checkNamespace(r.Namespace), CheckSelector(r.Spec.Selector), checkRules(r.Spec.Ingress),
			checkRules(r.Spec.Egress))
	case *v3.GlobalNetworkPolicy:
		err = errors.Join(err, noNamespace(r), CheckSelector(r.Spec.Selector), CheckSelector(r.Spec.NamespaceSelector),
			checkRules(r.Spec.Ingress), checkRules(r.Spec.Egress))
	case *v3.Profile:
		err = errors.Join(err, noNamespace(r), checkRules(r.Spec.Ingress), checkRules(r.Spec.Egress))
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", KindOf(r), r.GetName(), err)
	}
	return nil
}

// checkName checks a resource's name. The names of policies become parts of longer names, so they
// are labels.
func checkName(kind, name string) error {
	wrong := validation.IsDNS1123Subdomain(name)
	if kind == v3.KindNetworkPolicy || kind == v3.KindGlobalNetworkPolicy {
		wrong = validation.IsDNS1123Label(name)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: name %q: lower-case letters, digits and dashes, with a letter or digit at both ends",
			mctr.ErrInvalid, name)
	}
	return nil
}

func checkNamespace(namespace string) error {
	if namespace != "" && len(validation.IsDNS1123Label(namespace)) > 0 {
		return fmt.Errorf("%w: namespace %q: lower-case letters, digits and dashes", mctr.ErrInvalid, namespace)
	}
	return nil
}

func noNamespace(r Resource) error {
	if r.GetNamespace() != "" {
		return fmt.Errorf("%w: the kind has no namespace, but the resource has %q", mctr.ErrInvalid, r.GetNamespace())
	}
	return nil
}

// blocks are the smallest and the largest prefix length of a block of Calico's, by the number of
// bits of an address.
var blocks = map[int][2]int{32: {20, 32}, 128: {116, 128}}

func checkPool(s *v3.IPPoolSpec) error {
	p, err := netip.ParsePrefix(s.CIDR)
	if err != nil {
		return fmt.Errorf("%w: CIDR %q: %w", mctr.ErrInvalid, s.CIDR, err)
	}
	size := blocks[p.Addr().BitLen()]
	switch {
	case p != p.Masked():
		return fmt.Errorf("%w: CIDR %s is an address in a network: %s is the network", mctr.ErrInvalid, p, p.Masked())
	case s.BlockSize != 0 && (s.BlockSize < size[0] || s.BlockSize > size[1]):
		return fmt.Errorf("%w: block size %d: want /%d to /%d", mctr.ErrInvalid, s.BlockSize, size[0], size[1])
	case p.Bits() > blockOf(s, p):
		return fmt.Errorf("%w: CIDR %s is smaller than one block, a /%d", mctr.ErrInvalid, p, blockOf(s, p))
	}
	return CheckSelector(s.NodeSelector)
}

// blockOf returns the pool's block size, or Calico's default.
func blockOf(s *v3.IPPoolSpec, p netip.Prefix) int {
	if s.BlockSize != 0 {
		return s.BlockSize
	}
	return p.Addr().BitLen() - 6
}

func checkRules(rules []v3.Rule) error {
	for i, r := range rules {
		if err := errors.Join(checkAction(r.Action), checkPorts(&r), checkEntity(&r.Source),
			checkEntity(&r.Destination)); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func checkAction(a v3.Action) error {
	switch a {
	case v3.Allow, v3.Deny, v3.Log, v3.Pass:
		return nil
	}
	return fmt.Errorf("%w: action %q: want Allow, Deny, Log or Pass", mctr.ErrInvalid, a)
}

func checkPorts(r *v3.Rule) error {
	n := len(r.Source.Ports) + len(r.Source.NotPorts) + len(r.Destination.Ports) + len(r.Destination.NotPorts)
	if n > 0 && (r.Protocol == nil || !r.Protocol.SupportsPorts()) {
		return fmt.Errorf("%w: ports need a protocol that has them: TCP, UDP or SCTP", mctr.ErrInvalid)
	}
	return nil
}

func checkEntity(e *v3.EntityRule) error {
	for _, text := range append(append([]string{}, e.Nets...), e.NotNets...) {
		if _, ok := network(text); !ok {
			return fmt.Errorf("%w: %q is not a network", mctr.ErrInvalid, text)
		}
	}
	return errors.Join(CheckSelector(e.Selector), CheckSelector(e.NotSelector), CheckSelector(e.NamespaceSelector))
}
