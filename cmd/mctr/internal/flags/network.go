package flags

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

// networkFlags are the network flags of run and create.
type networkFlags struct {
	networks                  []string
	ip, ip6, mac              string
	publish                   []string
	publishAll                bool
	dns, dnsSearch, dnsOption []string
	addHost                   []string
	listenPorts, listenAction string
	listenInterval            time.Duration
}

func (n *networkFlags) register(f *pflag.FlagSet) {
	f.StringArrayVar(&n.networks, "network", nil,
		"`NETWORK[:OPTIONS]` for eth0, eth1, ..., comma-separated OPTIONS: ip=ADDRESS mac=ADDRESS "+
			"label=KEY=VALUE ingress=RATE egress=RATE; or none, host, container:ID (default: $MCTR_NETWORK, then "+
			"bridge if its plugins are installed, then none)")
	f.StringArrayVar(&n.networks, "net", nil, "the same as --network")
	_ = f.MarkHidden("net")
	f.StringVar(&n.ip, "ip", "", "fixed IPv4 address in the first network")
	f.StringVar(&n.ip6, "ip6", "", "fixed IPv6 address in the first network")
	f.StringVar(&n.mac, "mac-address", "", "fixed MAC of eth0")
	f.StringArrayVarP(&n.publish, "publish", "p", nil,
		"`[IP:][HOST:]CONTAINER[/PROTOCOL]`: publish a port of the container on the host; without HOST, or with 0, on "+
			"a free port; with a range, on the first free port in it")
	f.BoolVarP(&n.publishAll, "publish-all", "P", false, "publish all ports that the image exposes")
	f.StringArrayVar(&n.dns, "dns", nil,
		"`ADDRESS` of a name server (default: those of the network, then those of the host)")
	f.StringArrayVar(&n.dnsSearch, "dns-search", nil, "search `DOMAIN` for names (.: none)")
	f.StringArrayVar(&n.dnsOption, "dns-option", nil, "option for resolv.conf, such as ndots:2")
	f.StringArrayVar(&n.addHost, "add-host", nil,
		"`NAME:ADDRESS` (or NAME=ADDRESS) for /etc/hosts; host-gateway stands for the address of the host")
	f.StringVar(&n.listenPorts, "listen-ports", "",
		"TCP ports `FIRST[-LAST],...` that the container may listen on (\"none\": none; default: any)")
	f.StringVar(&n.listenAction, "listen-action", "report",
		"action for a container that listens on another port: report, or end")
	f.DurationVar(&n.listenInterval, "listen-interval", 0,
		"time between two checks of --listen-action end (default 10s)")
}

// fill sets the network fields of a config.
func (n *networkFlags) fill(c *mctr.ContainerConfig) (err error) {
	if err := n.attach(c); err != nil {
		return err
	}
	for _, p := range n.publish {
		ports, err := parsePublish(p)
		if err != nil {
			return fmt.Errorf("%w: --publish %s: %w", mctr.ErrInvalid, p, err)
		}
		c.Ports = append(c.Ports, ports...)
	}
	c.PublishAll = n.publishAll
	c.DNS = mctr.DNS{Servers: n.dns, Search: n.dnsSearch, Options: n.dnsOption}
	c.ExtraHosts = n.addHost
	c.Listen, err = n.listen()
	return err
}

// listen returns the policy of --listen-ports, or nil without that flag.
func (n *networkFlags) listen() (*mctr.ListenPolicy, error) {
	if n.listenPorts == "" {
		if n.listenAction != "report" || n.listenInterval != 0 {
			return nil, fmt.Errorf("%w: --listen-action and --listen-interval need --listen-ports", mctr.ErrInvalid)
		}
		return nil, nil
	}
	if n.listenAction != "report" && n.listenAction != "end" {
		return nil, fmt.Errorf("%w: --listen-action %s: want report or end", mctr.ErrInvalid, n.listenAction)
	}
	policy := &mctr.ListenPolicy{End: n.listenAction == "end", Interval: mctr.Duration(n.listenInterval)}
	if n.listenPorts == "none" {
		return policy, nil
	}
	for text := range strings.SplitSeq(n.listenPorts, ",") {
		first, last, err := parseRange(text)
		if err != nil {
			return nil, fmt.Errorf("%w: --listen-ports %s: %w", mctr.ErrInvalid, n.listenPorts, err)
		}
		policy.Ports = append(policy.Ports, mctr.PortRange{First: first, Last: last})
	}
	return policy, nil
}

// attach sets the networks of --network, with --ip, --ip6 and --mac-address for the first one.
func (n *networkFlags) attach(c *mctr.ContainerConfig) error {
	networks := n.networks
	if word := os.Getenv("MCTR_NETWORK"); len(networks) == 0 && word != "" {
		networks = []string{word}
	}
	for _, text := range networks {
		if IsMode(text) {
			if len(networks) > 1 {
				return fmt.Errorf("%w: --network %s cannot be combined with other networks", mctr.ErrInvalid, text)
			}
			c.Network = text
			continue
		}
		network, err := parseNetwork(text)
		if err != nil {
			return fmt.Errorf("%w: --network %s: %w", mctr.ErrInvalid, text, err)
		}
		c.Networks = append(c.Networks, network)
	}
	if n.ip == "" && n.ip6 == "" && n.mac == "" {
		return nil
	}
	if len(c.Networks) == 0 {
		return fmt.Errorf("%w: --ip, --ip6 and --mac-address need a network that --network names", mctr.ErrInvalid)
	}
	first := &c.Networks[0]
	for _, of := range []struct {
		flag, ip, family string
		v4               bool
	}{{"--ip", n.ip, "IPv4", true}, {"--ip6", n.ip6, "IPv6", false}} {
		if of.ip == "" {
			continue
		}
		addr, err := netip.ParseAddr(of.ip)
		if err != nil || addr.Is4() != of.v4 {
			return fmt.Errorf("%w: %s %s: want an %s address", mctr.ErrInvalid, of.flag, of.ip, of.family)
		}
		first.IPs = append(first.IPs, of.ip)
	}
	if n.mac != "" && first.MAC != "" {
		return fmt.Errorf("%w: --mac-address %s and --network %s:mac=%s: want only one of them", mctr.ErrInvalid, n.mac,
			first.Name, first.MAC)
	}
	first.MAC = cmp.Or(n.mac, first.MAC)
	return nil
}

// IsMode reports whether a value of --network is a mode and not the name of a network.
func IsMode(network string) bool {
	return slices.Contains([]string{mctr.NetworkNone, mctr.NetworkHost, mctr.NetworkParent}, network) ||
		strings.HasPrefix(network, mctr.JoinNetwork)
}

// parseNetwork reads NAME[:OPTION=VALUE,...] or, like docker, name=NAME,OPTION=VALUE,...
func parseNetwork(text string) (mctr.NetworkConfig, error) {
	name, options, _ := strings.Cut(text, ":")
	if rest, ok := strings.CutPrefix(text, "name="); ok {
		name, options, _ = strings.Cut(rest, ",")
	}
	network := mctr.NetworkConfig{Name: name}
	if name == "" {
		return network, errors.New("want a name")
	}
	if options == "" {
		return network, nil
	}
	for option := range strings.SplitSeq(options, ",") {
		key, value, ok := strings.Cut(option, "=")
		if !ok || value == "" {
			return network, fmt.Errorf("%q: want OPTION=VALUE", option)
		}
		if err := setNetworkOption(&network, key, value); err != nil {
			return network, err
		}
	}
	return network, nil
}

func setNetworkOption(n *mctr.NetworkConfig, key, value string) error {
	switch key {
	case "ip", "ip6":
		n.IPs = append(n.IPs, value)
	case "mac", "mac-address":
		n.MAC = value
	case "label":
		name, word, ok := strings.Cut(value, "=")
		if !ok || name == "" {
			return fmt.Errorf("label %q: want label=KEY=VALUE", value)
		}
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[name] = word
	case "ingress", "egress":
		return setRate(n, key, value)
	default:
		return fmt.Errorf("unknown option %q (ip, mac, label, ingress, egress)", key)
	}
	return nil
}

// setRate reads bits per second with decimal units: 10m is 10,000,000.
func setRate(n *mctr.NetworkConfig, direction, value string) error {
	rate, err := units.FromHumanSize(value)
	if err != nil || rate < 1 {
		return fmt.Errorf("%s %q: want bits per second, such as 10m", direction, value)
	}
	if n.Bandwidth == nil {
		n.Bandwidth = &mctr.Bandwidth{}
	}
	if direction == "ingress" {
		n.Bandwidth.IngressRate = uint64(rate)
	} else {
		n.Bandwidth.EgressRate = uint64(rate)
	}
	return nil
}

// parsePublish reads the value of docker's -p.
func parsePublish(text string) ([]mctr.Port, error) {
	rest, protocol, given := strings.Cut(text, "/")
	if !given {
		protocol = "tcp"
	}
	rest, inside := cutLast(rest, ":")
	ip, outside := "", rest
	if strings.Contains(rest, ":") {
		ip, outside = cutLast(rest, ":")
		ip = strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]")
		if _, err := netip.ParseAddr(ip); err != nil {
			return nil, fmt.Errorf("%q is not an IP address", ip)
		}
	}
	first, last, err := parseRange(inside)
	if err != nil {
		return nil, err
	}
	hostFirst, hostLast := uint16(0), uint16(0)
	if outside != "" && outside != "0" {
		if hostFirst, hostLast, err = parseRange(outside); err != nil {
			return nil, err
		}
	}
	return pairPorts(mctr.Port{HostIP: ip, Protocol: strings.ToLower(protocol)}, first, last, hostFirst, hostLast)
}

// pairPorts pairs each port of a range in the container with a port of the host. If the container has
// only one port, the range of the host is what mctr chooses from.
func pairPorts(p mctr.Port, first, last, hostFirst, hostLast uint16) ([]mctr.Port, error) {
	if first == last {
		p.ContainerPort, p.HostPort = first, hostFirst
		if hostLast > hostFirst {
			p.HostPortEnd = hostLast
		}
		return []mctr.Port{p}, nil
	}
	if hostFirst != 0 && hostLast-hostFirst != last-first {
		return nil, errors.New("the two ranges have different lengths")
	}
	var ports []mctr.Port
	for i := 0; i <= int(last-first); i++ {
		p.ContainerPort = first + uint16(i)
		if hostFirst != 0 {
			p.HostPort = hostFirst + uint16(i)
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// cutLast cuts text around the last sep. Without sep, all of text is after.
func cutLast(text, sep string) (before, after string) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+1:]
	}
	return "", text
}

func parseRange(text string) (first, last uint16, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if first, err = ParsePort(from); err != nil || !ranged {
		return first, first, err
	}
	if last, err = ParsePort(to); err == nil && last < first {
		err = fmt.Errorf("the range %s is descending", text)
	}
	return first, last, err
}

// ParsePort reads a port number.
func ParsePort(text string) (uint16, error) {
	var n uint16
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || fmt.Sprint(n) != text || n == 0 {
		return 0, fmt.Errorf("%q is not a port: want 1 to 65535", text)
	}
	return n, nil
}
