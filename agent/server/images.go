package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/provisioner"
)

// pullImage brings an image into the store and tells how it goes.
func pullImage(x *exchange, in api.Pull, out *output) error {
	if err := checkHostImage(in.Reference); err != nil {
		return err
	}
	policies := []provisioner.PullPolicy{"", "always", "missing", "never", "newer"}
	if !slices.Contains(policies, in.Policy) {
		return fmt.Errorf("%w: policy %q: always, missing, never or newer", mctr.ErrInvalid, in.Policy)
	}
	image, err := x.Images.Pull(x.r.Context(), in.Reference,
		provisioner.PullOptions{Policy: in.Policy, Platform: in.Platform, Progress: out.progress})
	if err != nil {
		return err
	}
	return out.send(api.StreamMessage{Image: image})
}

// progress tells a step.
func (o *output) progress(e provisioner.Event) {
	p := api.Progress(e)
	_ = o.send(api.StreamMessage{Progress: &p}) // a client that has gone ends the work by its context
}

// listImages lists the store.
func (s *Server) listImages(ctx context.Context, _ empty) (api.Images, error) {
	images, err := s.Images.Images(ctx)
	return api.Images{Images: images}, err
}

// inspectImage tells what is known of an image.
func (s *Server) inspectImage(ctx context.Context, in api.Reference) (api.ImageDetail, error) {
	if err := checkHostImage(in.Reference); err != nil {
		return api.ImageDetail{}, err
	}
	image, err := s.Images.Inspect(ctx, in.Reference)
	if err != nil {
		return api.ImageDetail{}, err
	}
	return api.ImageDetail{Image: image, Manifest: image.RawManifest, Config: image.RawConfig}, nil
}

// removeImage takes an image off the store.
func (s *Server) removeImage(ctx context.Context, in api.Reference) (provisioner.PruneReport, error) {
	if err := checkHostImage(in.Reference); err != nil {
		return provisioner.PruneReport{}, err
	}
	return s.Images.Remove(ctx, in.Reference, in.Force)
}
