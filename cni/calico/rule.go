package calico

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/mctr/mctr"
)

// A Rule allows or denies traffic of a protocol to ports.
type Rule struct {
	Deny     bool
	Protocol string   // tcp, udp, sctp, icmp, icmpv6, udplite, or a number; empty: every protocol
	Ports    []string // ports of the receiver, "9000" or "9000-9100"; empty: all
}

// ParseRule reads PROTOCOL[:PORT,...], such as tcp:80,9000-9100, or the word all. The error wraps
// mctr.ErrInvalid.
func ParseRule(text string) (Rule, error) {
	protocol, ports, some := strings.Cut(text, ":")
	r := Rule{Protocol: strings.ToLower(protocol)}
	if r.Protocol == "all" {
		r.Protocol = ""
	}
	if some {
		r.Ports = strings.Split(ports, ",")
	}
	_, err := r.render()
	if text == "" {
		err = fmt.Errorf("%w: empty", mctr.ErrInvalid)
	}
	return r, err
}

// render returns the rule without its peers.
func (r Rule) render() (v3.Rule, error) {
	rule := v3.Rule{Action: v3.Allow}
	if r.Deny {
		rule.Action = v3.Deny
	}
	if r.Protocol != "" {
		p, err := protocol(r.Protocol)
		if err != nil {
			return rule, err
		}
		rule.Protocol = &p
	}
	if len(r.Ports) > 0 && (rule.Protocol == nil || !rule.Protocol.SupportsPorts()) {
		return rule, fmt.Errorf("%w: protocol %q has no ports: want tcp, udp or sctp", mctr.ErrInvalid, r.Protocol)
	}
	for _, text := range r.Ports {
		port, err := ports(text)
		if err != nil {
			return rule, err
		}
		rule.Destination.Ports = append(rule.Destination.Ports, port)
	}
	return rule, nil
}

// protocols maps mctr's names of protocols to Calico's.
var protocols = map[string]string{"tcp": "TCP", "udp": "UDP", "sctp": "SCTP", "icmp": "ICMP", "icmpv6": "ICMPv6",
	"udplite": "UDPLite"}

func protocol(text string) (numorstring.Protocol, error) {
	if name, ok := protocols[text]; ok {
		return numorstring.ProtocolFromString(name), nil
	}
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && n > 0 {
		return numorstring.ProtocolFromInt(uint8(n)), nil
	}
	return numorstring.Protocol{}, fmt.Errorf(
		"%w: protocol %q: want tcp, udp, sctp, icmp, icmpv6, udplite, a number of 1 to 255, or all", mctr.ErrInvalid,
		text)
}

// ports reads a port or a range of ports.
func ports(text string) (numorstring.Port, error) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	low, lowErr := strconv.ParseUint(first, 10, 16)
	high, highErr := strconv.ParseUint(last, 10, 16)
	if lowErr != nil || highErr != nil || low == 0 || high < low {
		return numorstring.Port{}, fmt.Errorf("%w: port %q: want 1 to 65535, or a range such as 9000-9100",
			mctr.ErrInvalid, text)
	}
	return numorstring.PortFromRange(uint16(low), uint16(high))
}

// peers returns the other side of rules: an entity for each selector, and one for all networks.
// They are separate because a peer must match everything within one entity.
func peers(texts []string) ([]v3.EntityRule, error) {
	var networks []string
	var entities []v3.EntityRule
	for _, text := range texts {
		if network, ok := network(text); ok {
			networks = append(networks, network)
			continue
		}
		if err := CheckSelector(text); err != nil || text == "" {
			return nil, fmt.Errorf("%w: %q is neither a network (10.0.0.0/8) nor a selector: %w", mctr.ErrInvalid, text,
				err)
		}
		entities = append(entities, v3.EntityRule{Selector: text})
	}
	if networks != nil {
		entities = append(entities, v3.EntityRule{Nets: networks})
	}
	if entities == nil {
		entities = []v3.EntityRule{{}} // any peer
	}
	return entities, nil
}

// network reads an address or a CIDR. It reports false if text is neither.
func network(text string) (string, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String(), true
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked().String(), err == nil
}

// toRules combines every rule with every peer. The peer is the receiver of outgoing traffic,
// otherwise the sender.
func toRules(rules []Rule, about []string, outgoing bool) ([]v3.Rule, error) {
	entities, err := peers(about)
	if err != nil {
		return nil, err
	}
	var all []v3.Rule
	for _, r := range rules {
		rendered, err := r.render()
		if err != nil {
			return nil, err
		}
		for _, e := range entities {
			rule := rendered
			if outgoing {
				e.Ports = rendered.Destination.Ports
				rule.Destination = e
			} else {
				rule.Source = e
			}
			all = append(all, rule)
		}
	}
	return all, nil
}
