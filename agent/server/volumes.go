package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// volumeCalls answers the calls about named volumes.
type volumeCalls struct{ local *agent.Local }

func (c volumeCalls) verbs() []Verb {
	return []Verb{
		unary(api.CreateVolume, Unary, c.create),
		optional(unary(api.ListVolumes, Unary, c.list)),
		unary(api.InspectVolume, Quick, c.inspect),
		unary(api.ExpandVolume, Unary, c.expand),
		unary(api.RemoveVolume, Unary, c.remove),
	}
}

func (c volumeCalls) create(ctx context.Context, in mctr.NamedVolume) (*mctr.NamedVolume, error) {
	return c.local.Volumes().Create(ctx, in)
}

// list returns every volume that can be read, and the errors of the others in its answer.
func (c volumeCalls) list(ctx context.Context, in api.VolumeQuery) (api.NamedVolumes, error) {
	list, err := c.local.Volumes().List(ctx, in.Usage)
	out := api.NamedVolumes{Volumes: list}
	if err != nil {
		out.Error = wire.NewError(err)
	}
	return out, nil
}

func (c volumeCalls) inspect(ctx context.Context, in api.VolumeName) (*mctr.VolumeDetails, error) {
	return c.local.Volumes().Inspect(ctx, in.Name)
}

func (c volumeCalls) expand(ctx context.Context, in api.VolumeSize) (*mctr.NamedVolume, error) {
	return c.local.Volumes().Expand(ctx, in.Name, in.Size)
}

func (c volumeCalls) remove(ctx context.Context, in api.VolumeName) (empty, error) {
	return empty{}, c.local.Volumes().Remove(ctx, in.Name)
}
