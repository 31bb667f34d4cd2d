package agent

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
)

// Networks has the operations on CNI networks.
type Networks interface {
	// List returns every network. The error is about networks that cannot be read.
	List(ctx context.Context) ([]cni.Details, error)
	Inspect(ctx context.Context, name string) (*cni.Details, error)
	// Available fails if no container could be attached to the network.
	Available(ctx context.Context, name string) error
	Create(ctx context.Context, name string, d cni.Definition) error
	// Remove removes a network. It fails while a container is attached.
	Remove(ctx context.Context, name string) error
	// GC asks the plugins to release addresses and rules that belong to no attachment.
	GC(ctx context.Context, name string) error
	// Check asks the plugins whether a container is attached as its config says.
	Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error)
}

type localNetworks struct {
	networks   *cni.Networks
	containers *containerizer.Containerizer // nil: the existence of a container cannot be checked
}

// LocalNetworks returns the networks of this host as [Networks]. Unlike [Local.Networks] it does not
// know the containers: its Check reports no problem for a container that does not exist.
func LocalNetworks(n *cni.Networks) Networks { return localNetworks{networks: n} }

func (l localNetworks) List(context.Context) ([]cni.Details, error) { return l.networks.List() }

func (l localNetworks) Inspect(_ context.Context, name string) (*cni.Details, error) {
	return l.networks.Details(name)
}

func (l localNetworks) Available(_ context.Context, name string) error {
	_, err := l.networks.Available(name)
	return err
}

func (l localNetworks) Create(ctx context.Context, name string, d cni.Definition) error {
	_, err := l.networks.Create(ctx, name, d)
	return err
}

func (l localNetworks) Remove(ctx context.Context, name string) error {
	return l.networks.Remove(ctx, name)
}

func (l localNetworks) GC(ctx context.Context, name string) error {
	n, err := l.networks.Find(name)
	if err != nil {
		return err
	}
	return l.networks.GC(ctx, n)
}

func (l localNetworks) Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error) {
	if l.containers != nil {
		if _, err := l.containers.Status(ctx, id); err != nil {
			return nil, err
		}
	}
	return l.networks.CheckAll(ctx, id)
}
