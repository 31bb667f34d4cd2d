package main

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// networksHere is this host's networks.
type networksHere struct{ networks *cni.Networks }

func (h networksHere) List(context.Context) ([]cni.Details, error) { return h.networks.List() }

func (h networksHere) Inspect(_ context.Context, name string) (*cni.Details, error) {
	return h.networks.Details(name)
}

func (h networksHere) Available(_ context.Context, name string) error {
	_, err := h.networks.Available(name)
	return err
}

func (h networksHere) Create(_ context.Context, name string, d cni.Definition) error {
	_, err := h.networks.Create(name, d)
	return err
}

func (h networksHere) Remove(_ context.Context, name string) error { return h.networks.Remove(name) }

func (h networksHere) GC(ctx context.Context, name string) error {
	n, err := h.networks.Find(name)
	if err != nil {
		return err
	}
	return h.networks.GC(ctx, n)
}

func (h networksHere) Check(ctx context.Context, id mctr.ContainerID) ([]cni.CheckResult, error) {
	return h.networks.CheckAll(ctx, id)
}
