package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/provisioner"
)

// pullImage fetches an image into the store, and streams the progress.
func pullImage(x *exchange, in api.Pull, out *output) error {
	if err := checkHostImage(in.Reference); err != nil {
		return err
	}
	policies := []provisioner.PullPolicy{"", "always", "missing", "never", "newer"}
	if !slices.Contains(policies, in.Policy) {
		return fmt.Errorf("%w: policy %q: want always, missing, never or newer", mctr.ErrInvalid, in.Policy)
	}
	image, err := x.Local.Images().Pull(x.r.Context(), in.Reference,
		provisioner.PullOptions{Policy: in.Policy, Platform: in.Platform, Progress: out.progress})
	if err != nil {
		return err
	}
	return out.send(api.StreamMessage{Image: image})
}

// progress sends one step of a pull or load.
func (o *output) progress(e provisioner.Event) {
	p := api.Progress(e)
	_ = o.send(api.StreamMessage{Progress: &p}) // if the client has disconnected, the context ends the work
}

// imageCalls answers the calls about the image store.
type imageCalls struct{ local *agent.Local }

func (c imageCalls) verbs() []Verb {
	return []Verb{
		messages(api.PullImage, pullImage),
		unary(api.ListImages, Quick, c.list),
		unary(api.InspectImage, Quick, c.inspect),
		unary(api.RemoveImage, Unary, c.remove),
		optional(unary(api.PruneImages, Unary, c.prune)),
		unary(api.TagImage, Quick, c.tag),
		bringing(messages(api.LoadImages, loadImages)),
		download(api.SaveImages, saveImages),
		unary(api.GetImagesUsage, Unary, c.usage),
	}
}

func (c imageCalls) list(ctx context.Context, _ empty) (api.Images, error) {
	images, err := c.local.Images().Images(ctx)
	return api.Images{Images: images}, err
}

func (c imageCalls) inspect(ctx context.Context, in api.Reference) (api.ImageDetail, error) {
	if err := checkHostImage(in.Reference); err != nil {
		return api.ImageDetail{}, err
	}
	image, err := c.local.Images().Inspect(ctx, in.Reference)
	if err != nil {
		return api.ImageDetail{}, err
	}
	return api.ImageDetail{Image: image, Manifest: image.RawManifest, Config: image.RawConfig}, nil
}

// remove removes an image from the store.
func (c imageCalls) remove(ctx context.Context, in api.Reference) (provisioner.PruneReport, error) {
	if err := checkHostImage(in.Reference); err != nil {
		return provisioner.PruneReport{}, err
	}
	return c.local.Images().Remove(ctx, in.Reference, in.Force)
}

// prune removes images that no container uses, except the excluded ones.
func (c imageCalls) prune(ctx context.Context, in api.Prune) (provisioner.PruneReport, error) {
	if in.Mctr != nil {
		if len(in.ExcludedImages) > 0 {
			return provisioner.PruneReport{}, fmt.Errorf("%w: excluded_images cannot be set beside \"mctr\"",
				mctr.ErrInvalid)
		}
		o := provisioner.PruneOptions{All: in.Mctr.All, DryRun: in.Mctr.DryRun}
		if in.Mctr.Only != nil {
			o.Keep = func(i provisioner.Image) bool { return !slices.Contains(in.Mctr.Only, i.Reference) }
		}
		return c.local.Images().Prune(ctx, o)
	}
	var keep []string
	for _, image := range in.ExcludedImages {
		name, err := image.Reference()
		if err != nil {
			return provisioner.PruneReport{}, err
		}
		keep = append(keep, name)
	}
	kept, err := provisioner.Named(keep...)
	if err != nil {
		return provisioner.PruneReport{}, fmt.Errorf("keep: %w", err)
	}
	return c.local.Images().Prune(ctx, provisioner.PruneOptions{All: true, Keep: kept})
}

// tag gives an image another name.
func (c imageCalls) tag(ctx context.Context, in api.Tag) (empty, error) {
	if err := checkHostImage(in.Source); err != nil {
		return empty{}, err
	}
	return empty{}, c.local.Images().Tag(ctx, in.Source, in.Target)
}

// maxArchiveName bounds the name of an archive, which errors contain, in bytes.
const maxArchiveName = 4096

// loadImages adds the images in the archive of the call to the store, and streams the progress. An
// archive that is cut off adds none.
func loadImages(x *exchange, in api.Load, out *output) error {
	if len(in.Name) > maxArchiveName {
		return fmt.Errorf("%w: the archive's name has more than %d bytes", mctr.ErrInvalid, maxArchiveName)
	}
	return x.archive(func(r io.Reader) error {
		loaded, err := x.Local.Images().Load(x.r.Context(), r, cmp.Or(in.Name, api.FormArchive),
			provisioner.LoadOptions{Platform: in.Platform, Progress: out.progress})
		for _, image := range loaded {
			if err := out.send(api.StreamMessage{Image: image}); err != nil {
				return err
			}
		}
		return err
	})
}

// saveImages writes images of the store to one archive.
func saveImages(x *exchange, in api.Save, w io.Writer) error {
	if len(in.References) == 0 {
		return fmt.Errorf("%w: want an image to save", mctr.ErrInvalid)
	}
	for _, ref := range in.References {
		if err := checkHostImage(ref); err != nil {
			return err
		}
	}
	return x.Local.Images().Save(x.r.Context(), in.References, w, in.Format)
}

// usage returns the disk usage of the store.
func (c imageCalls) usage(ctx context.Context, _ empty) (provisioner.Usage, error) {
	return c.local.Images().Usage(ctx)
}
