package main

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// localNetworks is this host's networks.
type localNetworks struct{ networks *cni.Networks }

func (h localNetworks) List(context.Context) ([]cni.Details, error) { return h.networks.List() }

func (h localNetworks) Inspect(_ context.Context, name string) (*cni.Details, error) {
	return h.networks.Details(name)
}

func (h localNetworks) Available(_ context.Context, name string) error {
	_, err := h.networks.Available(name)
	return err
}

func (h localNetworks) Create(_ context.Context, name string, d cni.Definition) error {
	_, err := h.networks.Create(name, d)
	return err
}

func (h localNetworks) Remove(_ context.Context, name string) error { return h.networks.Remove(name) }

func (h localNetworks) GC(ctx context.Context, name string) error {
	n, err := h.networks.Find(name)
	if err != nil {
		return err
	}
	return h.networks.GC(ctx, n)
}

func (h localNetworks) Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error) {
	return h.networks.CheckAll(ctx, id)
}
