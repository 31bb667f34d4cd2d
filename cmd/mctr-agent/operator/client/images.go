package client

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/puller"
)

// Images is the agent's store.
type Images struct{ c *Client }

// Images gives the agent's store.
func (c *Client) Images() Images { return Images{c} }

// path makes the path of a local image absolute, where the agent sees the same
// files.
func (c *Client) path(image string) string {
	r, err := puller.Parse(image)
	if err != nil || r.Kind == puller.Registry || c.network != "unix" {
		return image
	}
	return r.String()
}

// Pull brings an image into the store.
func (i Images) Pull(ctx context.Context, ref string, o provisioner.PullOptions) (image *provisioner.Image, err error) {
	pull := api.Pull{Reference: i.c.path(ref), Policy: o.Policy, Platform: o.Platform}
	err = i.c.messages(ctx, api.PullImage, pull, func(m api.StreamMessage) error {
		if m.Progress != nil && o.Progress != nil {
			o.Progress(provisioner.Event(*m.Progress))
		}
		if m.Image != nil {
			image = m.Image
		}
		return nil
	})
	if err == nil && image == nil {
		err = lacks(api.PullImage, "the image")
	}
	return image, err
}

// Images lists the store.
func (i Images) Images(ctx context.Context) ([]provisioner.Image, error) {
	var found api.Images
	err := i.c.call(ctx, api.ListImages, nil, &found)
	return found.Images, err
}

// Inspect tells what is known of an image.
func (i Images) Inspect(ctx context.Context, ref string) (*provisioner.Image, error) {
	var found api.ImageDetail
	if err := i.c.call(ctx, api.InspectImage, api.Reference{Reference: i.c.path(ref)}, &found); err != nil {
		return nil, err
	}
	if found.Image == nil {
		return nil, lacks(api.InspectImage, "the image")
	}
	found.Image.RawManifest, found.Image.RawConfig = found.Manifest, found.Config
	return found.Image, nil
}

// Remove takes an image off the store.
func (i Images) Remove(ctx context.Context, ref string, force bool) (report provisioner.PruneReport, err error) {
	err = i.c.call(ctx, api.RemoveImage, api.Reference{Reference: i.c.path(ref), Force: force}, &report)
	return report, err
}

// Prune removes what the store does not need. Which images are kept, o.Keep cannot
// say from here.
func (i Images) Prune(ctx context.Context, o provisioner.PruneOptions) (report provisioner.PruneReport, err error) {
	err = i.c.call(ctx, api.PruneImages, api.Prune{Mctr: &api.PruneOptions{All: o.All, DryRun: o.DryRun}}, &report)
	return report, err
}
