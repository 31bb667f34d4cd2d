// Package cni is the network/cni isolator: what a container sees of the network.
// That is the host's stack, its parent's or another container's, one of its own
// with a loopback interface alone, or one that is attached to CNI networks; and its
// /etc/hosts, /etc/hostname and /etc/resolv.conf.
//
// Launch: for CNI networks Prepare pins a namespace and attaches it, under a record
// each; for none the engine makes the namespace. In the kernel: the pinned
// namespace, and what the plugins make. On disk: Dir/network/cni with the three
// files, and package cni's records. Recovery: by those records, after a reboot too;
// a process of the container's control group tells which namespace's interfaces
// Usage is to read. network_namespaces(7).
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

// Deps are what the isolator needs of its host.
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

// Complete attaches a root container whose config names no network to the default one. A
// nested container has its parent's.
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

// Prepare gives the container its network, and the files that describe it.
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
