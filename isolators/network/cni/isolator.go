// Package cni is the network/cni isolator: it decides which network a container has, and writes its
// /etc/hosts, /etc/hostname and /etc/resolv.conf. The network is the host's, the parent's, another
// container's, one of the container's own with only a loopback interface, or one that is attached
// to CNI networks.
//
// Launch: for CNI networks Prepare pins a namespace and attaches it, with a record for each
// attachment; for none the engine makes the namespace. In the kernel: the pinned namespace, and
// whatever the plugins make. On disk: Dir/network/cni with the three files, and package cni's
// records. Recovery: from those records, also after a reboot; a process of the container's control
// group identifies the namespace whose interfaces Usage reads. network_namespaces(7).
package cni

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
)

// Deps are the parts of the host that the isolator uses.
type Deps struct {
	Networks *cni.Networks
	Meter    *usage.Meter
}

// New returns the isolator.
func New(d Deps) isolators.Isolator {
	return &isolator{CgroupBase: isolators.CgroupBase{Meter: d.Meter}, networks: d.Networks}
}

type isolator struct {
	isolators.CgroupBase
	networks *cni.Networks
}

func (*isolator) Name() string { return "network/cni" }

// Complete attaches a root container whose config names no network to the default network. A nested
// container has its parent's network.
func (i *isolator) Complete(_ context.Context, id mctr.ContainerID,
	config *mctr.ContainerConfig) (note string, err error) {
	if id.Parent() != "" {
		return "", nil
	}
	without, err := cni.ChooseDefault(func(name string) error {
		_, err := i.networks.Available(name)
		return err
	}, config)
	if without != nil {
		note = fmt.Sprintf("no network (as with network none): %v", without)
	}
	return note, err
}

// Prepare returns the container's network, and writes and mounts the files that describe it.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	switch mode := c.Config.Network; {
	case len(c.Config.Networks) > 0:
		return i.attached(ctx, c)
	case mode == mctr.NetworkHost:
		a := &mctr.Adjustment{}
		return a, i.describe(c, a, view{host: true, from: filepath.Dir(hosts)})
	case isolators.Shares(c, mode, true):
		return i.shared(c, c.Parent.ID, c.Parent.Namespace("net"))
	case joined(mode) != "":
		return i.join(c, joined(mode))
	}
	a := &mctr.Adjustment{Spec: specs.Spec{Linux: namespace("")}}
	return a, i.describe(c, a, view{})
}

func namespace(path string) *specs.Linux {
	return &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: path}}}
}
