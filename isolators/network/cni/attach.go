package cni

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/cgroup"
)

// attached pins a namespace and attaches it to the networks, in their order. After a failure it
// detaches the networks that it has attached.
func (i *isolator) attached(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	attachments, path, err := i.attach(ctx, c)
	if err != nil {
		return nil, errors.Join(err, i.networks.Detach(context.WithoutCancel(ctx), c.ID))
	}
	a := &mctr.Adjustment{Spec: specs.Spec{Linux: namespace(path), Process: addressVariable(attachments)}}
	for _, attachment := range attachments {
		a.Ports = append(a.Ports, hostPorts(attachment)...)
	}
	return a, i.describe(c, a, view{attachments: attachments})
}

// addressVariable returns the variable MESOS_CONTAINER_IP, which Mesos' tasks have: the container's
// first IPv4 address, otherwise its first address.
func addressVariable(attachments []*cni.Attachment) *specs.Process {
	all := addresses(attachments)
	if len(all) == 0 {
		return nil
	}
	first := max(0, slices.IndexFunc(all, func(p netip.Prefix) bool { return p.Addr().Is4() }))
	return &specs.Process{Env: []string{"MESOS_CONTAINER_IP=" + all[first].Addr().String()}}
}

func (i *isolator) attach(ctx context.Context, c *mctr.Container) ([]*cni.Attachment, string, error) {
	networks, err := i.ensureNetworks(ctx, c.Config.Networks)
	if err != nil {
		return nil, "", err
	}
	if err := i.detachEnded(ctx, c.ID); err != nil {
		return nil, "", err
	}
	path, err := i.networks.Pin(c.ID)
	if err != nil {
		return nil, "", err
	}
	var attachments []*cni.Attachment
	for n, network := range networks {
		r := cni.Request{
			Container: c.ID, Network: network, Interface: "eth" + strconv.Itoa(n), Index: n,
			Config: c.Config.Networks[n], DNS: c.Config.DNS,
		}
		if n == publisher(networks) {
			r.Ports = ports(c)
		}
		a, err := i.networks.Attach(ctx, r)
		if err != nil {
			return nil, "", err
		}
		attachments = append(attachments, a)
		if err := checkLedPorts(r.Ports, network.Name, familiesOf(attachments[n:])); err != nil {
			return nil, "", err
		}
	}
	return attachments, path, nil
}

// detachEnded repeats a DEL that failed at the container's last exit: the namespace of that run is
// still pinned.
func (i *isolator) detachEnded(ctx context.Context, id mctr.ContainerID) error {
	attachments, err := i.networks.AttachmentsOf(id)
	if slices.ContainsFunc(attachments, func(a *cni.Attachment) bool { return a.State == cni.Detaching }) {
		return i.networks.Detach(ctx, id)
	}
	return err
}

func (i *isolator) ensureNetworks(ctx context.Context, want []mctr.NetworkConfig) ([]*cni.Network, error) {
	var networks []*cni.Network
	for _, w := range want {
		network, err := i.networks.Ensure(ctx, w.Name)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// ports returns the ports of the config and, with PublishAll, the other ports that the image
// exposes.
func ports(c *mctr.Container) []mctr.Port {
	list := slices.Clone(c.Config.Ports)
	if !c.Config.PublishAll || c.Image == nil {
		return list
	}
	for _, exposed := range slices.Sorted(maps.Keys(c.Image.ExposedPorts)) {
		text, protocol, _ := strings.Cut(exposed, "/")
		protocol = cmp.Or(protocol, "tcp")
		number, err := strconv.ParseUint(text, 10, 16)
		published := slices.ContainsFunc(list, func(p mctr.Port) bool {
			return uint64(p.ContainerPort) == number && p.Protocol == protocol
		})
		if p := (mctr.Port{ContainerPort: uint16(number), Protocol: protocol}); err == nil && !published &&
			checkPort(p) == nil {
			list = append(list, p)
		}
	}
	return list
}

// addresses returns the addresses of all attachments. An attachment without a result belongs to
// another container, which has just exited.
func addresses(attachments []*cni.Attachment) (all []netip.Prefix) {
	for _, a := range attachments {
		if a.Result != nil {
			all = append(all, a.Result.Addresses...)
		}
	}
	return all
}

// join shares the network of another container, which must be running.
func (i *isolator) join(c *mctr.Container, other mctr.ContainerID) (*mctr.Adjustment, error) {
	pid := cgroup.Process(c.HandleOf(other).Cgroup)
	if pid == 0 {
		return nil, fmt.Errorf("%w: config.network container:%s: the container is not running", mctr.ErrState,
			other.Short())
	}
	return i.shared(c, other, fmt.Sprintf("/proc/%d/ns/net", pid))
}
