package client

import (
	"context"
	"io"
	"os"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/internal/tarfs"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/puller"
)

// images is the image store of an agent.
type images struct{ c *Client }

// Images returns the image store of the agent.
func (c *Client) Images() agent.Images { return images{c} }

// path makes the path of a local image absolute if the agent is on this host.
func (t *transport) path(image string) string {
	r, err := puller.Parse(image)
	if err != nil || r.Kind == puller.Registry || t.network != "unix" {
		return image
	}
	return r.String()
}

func (i images) Pull(ctx context.Context, ref string, o provisioner.PullOptions) (image *provisioner.Image, err error) {
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

func (i images) Images(ctx context.Context) ([]provisioner.Image, error) {
	var found api.Images
	err := i.c.call(ctx, api.ListImages, nil, &found)
	return found.Images, err
}

func (i images) Inspect(ctx context.Context, ref string) (*provisioner.Image, error) {
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

func (i images) Remove(ctx context.Context, ref string, force bool) (report provisioner.PruneReport, err error) {
	err = i.c.call(ctx, api.RemoveImage, api.Reference{Reference: i.c.path(ref), Force: force}, &report)
	return report, err
}

// Prune removes unused layers and files and, depending on o, unused images. With o.Keep it removes
// only images that were in the store when Prune began, because o.Keep cannot be asked about others.
func (i images) Prune(ctx context.Context, o provisioner.PruneOptions) (report provisioner.PruneReport, err error) {
	options := &api.PruneOptions{All: o.All, DryRun: o.DryRun}
	if o.Keep != nil {
		list, err := i.Images(ctx)
		if err != nil {
			return report, err
		}
		for _, image := range list {
			if !o.Keep(image) {
				options.Only = append(options.Only, image.Reference)
			}
		}
		options.All = options.All && len(options.Only) > 0
	}
	err = i.c.call(ctx, api.PruneImages, api.Prune{Mctr: options}, &report)
	return report, err
}

func (i images) Tag(ctx context.Context, source, target string) error {
	return i.c.call(ctx, api.TagImage, api.Tag{Source: i.c.path(source), Target: target}, nil)
}

func (i images) Save(ctx context.Context, refs []string, w io.Writer, f provisioner.SaveFormat) error {
	save := api.Save{Format: f}
	for _, ref := range refs {
		save.References = append(save.References, i.c.path(ref))
	}
	return i.c.download(ctx, api.SaveImages, save, w)
}

// Load adds the images of an archive to the store. The archive is a file, a directory or any stream.
// After an error Load also returns the images that were loaded before; they stay in the store.
func (i images) Load(ctx context.Context, from io.Reader, name string,
	o provisioner.LoadOptions) (loaded []*provisioner.Image, err error) {
	from, done := asStream(ctx, from)
	defer done()
	answer, err := i.c.upload(ctx, api.LoadImages, api.Load{Name: name, Platform: o.Platform}, from)
	if err != nil {
		return nil, err
	}
	err = i.c.eachMessage(ctx, api.LoadImages, answer, func(m api.StreamMessage) error {
		if m.Progress != nil && o.Progress != nil {
			o.Progress(provisioner.Event(*m.Progress))
		}
		if m.Image != nil {
			loaded = append(loaded, m.Image)
		}
		return nil
	})
	return loaded, err
}

// asStream returns a tar stream of from if from is a directory, and otherwise from itself. The caller
// must call done.
func asStream(ctx context.Context, from io.Reader) (stream io.Reader, done func()) {
	dir, ok := from.(*os.File)
	if !ok {
		return from, func() {}
	}
	if info, err := dir.Stat(); err != nil || !info.IsDir() {
		return from, func() {}
	}
	r, w := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		_ = w.CloseWithError(tarfs.Pack(ctx, dir, ".", w)) // never fails
	}()
	return r, func() { _ = r.Close(); <-packed }
}

func (i images) Usage(ctx context.Context) (usage provisioner.Usage, err error) {
	err = i.c.call(ctx, api.GetImagesUsage, nil, &usage)
	return usage, err
}
