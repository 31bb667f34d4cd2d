package client

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
)

// volumes are the named volumes of an agent.
type volumes struct{ c *Client }

// Volumes returns the named volumes of the agent.
func (c *Client) Volumes() agent.Volumes { return volumes{c} }

func (v volumes) Create(ctx context.Context, named mctr.NamedVolume) (*mctr.NamedVolume, error) {
	made := &mctr.NamedVolume{}
	return made, v.c.call(ctx, api.CreateVolume, named, made)
}

func (v volumes) List(ctx context.Context, usage bool) ([]mctr.VolumeDetails, error) {
	var found api.NamedVolumes
	err := v.c.call(ctx, api.ListVolumes, api.VolumeQuery{Usage: usage}, &found)
	if err == nil && found.Error != nil {
		err = found.Error.Err()
	}
	return found.Volumes, err
}

func (v volumes) Inspect(ctx context.Context, name string) (*mctr.VolumeDetails, error) {
	d := &mctr.VolumeDetails{}
	return d, v.c.call(ctx, api.InspectVolume, api.VolumeName{Name: name}, d)
}

func (v volumes) Expand(ctx context.Context, name string, size int64) (*mctr.NamedVolume, error) {
	expanded := &mctr.NamedVolume{}
	return expanded, v.c.call(ctx, api.ExpandVolume, api.VolumeSize{Name: name, Size: size}, expanded)
}

func (v volumes) Remove(ctx context.Context, name string) error {
	return v.c.call(ctx, api.RemoveVolume, api.VolumeName{Name: name}, nil)
}
