package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// A network is what this host has set up for one network.
type network struct {
	process *process // carries the packets; nil: the kernel carries them
	undo    func() error
}

func (n *network) close() error {
	var errs []error
	if n.process != nil {
		errs = append(errs, n.process.close())
	}
	if n.undo != nil {
		errs = append(errs, n.undo())
	}
	return errors.Join(errs...)
}

// The addresses of the networks, from RFC 2544's range for benchmarks.
var (
	bridgeSubnets = [2]netip.Prefix{netip.MustParsePrefix("198.18.16.0/24"), netip.MustParsePrefix("198.18.17.0/24")}
	vxlanSubnet   = netip.MustParsePrefix("198.18.32.0/20")
	vxlanRanges   = [2]netip.Prefix{netip.MustParsePrefix("198.18.32.0/24"), netip.MustParsePrefix("198.18.33.0/24")}
	udpSubnets    = [2]netip.Prefix{netip.MustParsePrefix("198.18.64.0/24"), netip.MustParsePrefix("198.18.65.0/24")}
	sealedSubnets = [2]netip.Prefix{netip.MustParsePrefix("198.18.66.0/24"), netip.MustParsePrefix("198.18.67.0/24")}
)

// index returns 0 on one host and 1 on the other.
func (s *Side) index() int {
	if s.first {
		return 0
	}
	return 1
}

// prepare makes a network if this side has not made it before.
func (s *Side) prepare(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == noNetwork || s.made[name] != nil {
		return nil
	}
	made, err := s.network(ctx, name)
	if err == nil {
		s.made[name] = made
	}
	return err
}

func (s *Side) network(ctx context.Context, name string) (*network, error) {
	switch name {
	case bridgeNet:
		return s.define(ctx, name,
			cni.Definition{Driver: cni.Bridge, Subnets: []cni.Subnet{{Subnet: bridgeSubnets[s.index()]}}})
	case vxlanNet:
		return s.define(ctx, name, cni.Definition{
			Driver: cni.VXLAN, Subnets: []cni.Subnet{{Subnet: vxlanSubnet, Range: vxlanRanges[s.index()]}},
			Overlay: &cni.Overlay{VNI: 4242, Local: s.self, Peers: []netip.Addr{s.peer}},
		})
	case udpNet:
		return s.tunnel(name, "bench-udp", 20901, udpSubnets, "")
	case sealedNet:
		return s.tunnel(name, "bench-sealed", 20902, sealedSubnets, "0123456789abcdef0123456789abcdef")
	case calicoNet, calicoVXLAN:
		return s.calicoNetwork(ctx, name)
	}
	return nil, fmt.Errorf("%w: network %s", mctr.ErrNotFound, name)
}

func (s *Side) define(ctx context.Context, name string, d cni.Definition) (*network, error) {
	_, err := s.networks.Create(ctx, name, d)
	return &network{undo: func() error { return s.networks.Remove(context.WithoutCancel(ctx), name) }}, err
}

// tunnel makes a network whose packets a process carries between the hosts' bridges.
func (s *Side) tunnel(name, device string, port int, subnets [2]netip.Prefix, key string) (*network, error) {
	at := func(a netip.Addr) string { return netip.AddrPortFrom(a, uint16(port)).String() }
	argv := []string{s.programs.Bench, "tunnel", "--device", device, "--local", at(s.self), "--peer", at(s.peer)}
	if key != "" {
		argv = append(argv, "--key", key)
	}
	p, err := s.start(name, argv...)
	if err != nil {
		return nil, err
	}
	link, err := appears(device)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	other := subnets[1-s.index()]
	err = netlink.RouteReplace(
		&netlink.Route{LinkIndex: link.Attrs().Index,
			Dst: &net.IPNet{IP: other.Addr().AsSlice(), Mask: net.CIDRMask(other.Bits(), 32)}})
	if err == nil {
		err = s.write(name,
			routedBridge(name, device, subnets[s.index()], link.Attrs().MTU, filepath.Join(s.dir, "addresses")))
	}
	if err == nil {
		err = forward()
	}
	return &network{process: p, undo: func() error { return removeLink("br-" + device) }}, err
}

// forward lets the host forward packets of its containers.
func forward() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }

// appears waits for an interface.
func appears(device string) (netlink.Link, error) {
	for deadline := time.Now().Add(startTime); ; time.Sleep(5 * time.Millisecond) {
		link, err := netlink.LinkByName(device)
		if err == nil && link.Attrs().Flags&net.FlagUp != 0 {
			return link, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("interface %s: %w", device, errors.Join(err, context.DeadlineExceeded))
		}
	}
}

// routedBridge returns the list of a bridge whose containers reach others by the host's routes.
func routedBridge(name, device string, subnet netip.Prefix, mtu int, store string) map[string]any {
	return map[string]any{"cniVersion": "1.0.0", "name": name, "plugins": []any{map[string]any{
		"type": "bridge", "bridge": "br-" + device, "isGateway": true, "mtu": mtu,
		"ipam": map[string]any{
			"type": "host-local", "dataDir": store, "ranges": [][]any{{map[string]any{"subnet": subnet}}},
			"routes": []any{map[string]any{"dst": "0.0.0.0/0"}},
		},
	}}}
}

func (s *Side) write(name string, list map[string]any) error {
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, name+".conflist"), data, 0o644)
}

func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}

// mtuInside returns the MTU of eth0 in a pinned namespace.
func mtuInside(path string) (int, error) {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return 0, err
	}
	defer ns.Close()
	links, err := netlink.NewHandleAt(ns)
	if err != nil {
		return 0, err
	}
	defer links.Close()
	link, err := links.LinkByName("eth0")
	if err != nil {
		return 0, err
	}
	return link.Attrs().MTU, nil
}
