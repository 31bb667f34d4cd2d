package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/puller"
	"github.com/mctr/mctr/provisioner/store"
)

// A transfer is one pull.
type transfer struct {
	store    *store.Store
	settings settings
	source   puller.Source
	ref      string // the image's name after the pull; empty for its id
	asked    string // the platform, as the caller wrote it
	platform v1.Platform
	progress Progress
	upon     parentsUnpacker
}

func (t *transfer) run(ctx context.Context) (*Image, error) {
	stamp := t.source.Stamp()
	top, desc, data, err := t.choose(ctx)
	if err != nil {
		return nil, err
	}
	t.progress(Event{Kind: Resolved, Digest: desc.Digest})
	m, err := manifest.Parse(data, t.settings.limits.Limits)
	if err != nil {
		return nil, err
	}
	img := &Image{Reference: cmp.Or(t.ref, string(m.Config.Digest)), Digest: desc.Digest, ID: m.Config.Digest,
		Stamp: stamp}
	if top.Digest != desc.Digest {
		img.Index = top.Digest
	}
	if have, err := t.store.Image(img.Reference); err == nil && t.current(have, img) {
		t.progress(Event{Kind: Done, Digest: desc.Digest})
		return have, nil
	}
	img.Blobs = append([]v1.Descriptor{desc, m.Config}, m.Layers...)
	if err := t.fill(ctx, img, m); err != nil {
		return nil, err
	}
	if err := t.store.Tag(img); err != nil {
		return nil, err
	}
	t.progress(Event{Kind: Done, Digest: desc.Digest})
	return img, nil
}

// current returns true if the record in the store describes what the source has now.
func (t *transfer) current(have, now *Image) bool {
	return matchesPlatform(have, t.asked) && have.Digest == now.Digest && have.Index == now.Index &&
		have.Stamp == now.Stamp &&
		t.store.Whole(have)
}

// fill fetches config and layers and fills in img from them.
func (t *transfer) fill(ctx context.Context, img *Image, m *v1.Manifest) error {
	if err := t.fetch(ctx, m.Config); err != nil {
		return err
	}
	data, err := t.store.ReadBlob(m.Config)
	if err != nil {
		return err
	}
	c, err := manifest.ParseConfig(data, len(m.Layers), t.settings.limits.Limits)
	if err != nil {
		return err
	}
	if err := checkPlatform(c, t.asked, t.platform); err != nil {
		return err
	}
	img.Platform, img.Config, img.DiffIDs = c.Platform, c.Config, c.RootFS.DiffIDs
	img.Healthcheck, img.Shell = c.Healthcheck, c.Shell
	img.Pulled = time.Now().UTC().Truncate(time.Second)
	if c.Created != nil {
		img.Created = *c.Created
	}
	img.Size = m.Config.Size
	for _, l := range m.Layers {
		img.Size += l.Size
	}
	return t.layers(ctx, img, m.Layers)
}

// choose follows the reference through indexes to the manifest of one image, and stores
// that manifest. top is what the reference names.
func (t *transfer) choose(ctx context.Context) (top, desc v1.Descriptor, data []byte, err error) {
	limits := t.settings.limits.Limits.Filled()
	top, data, err = t.source.Resolve(ctx)
	desc = top
	for depth := 0; err == nil; depth++ {
		var index bool
		if index, err = manifest.IsIndex(desc.MediaType, data); err != nil || !index {
			break
		}
		if depth >= limits.Nesting {
			err = fmt.Errorf("%w: more than %d indexes within each other", mctr.ErrInvalid, limits.Nesting)
			break
		}
		desc, data, err = t.child(ctx, data)
	}
	if err != nil || desc.Digest != top.Digest {
		return top, desc, data, err
	}
	return top, desc, data, t.store.Ingest(ctx, desc, bytesOpener(data), nil)
}

// child fetches the manifest that an index lists for the platform.
func (t *transfer) child(ctx context.Context, index []byte) (d v1.Descriptor, data []byte, err error) {
	limits := t.settings.limits.Limits
	parsed, err := manifest.ParseIndex(index, limits)
	if err != nil {
		return d, nil, err
	}
	if d, err = manifest.Choose(parsed, t.platform); err != nil {
		return d, nil, err
	}
	if err := limits.CheckSize("manifest", d.Size); err != nil {
		return d, nil, err
	}
	if err := t.fetch(ctx, d); err != nil {
		return d, nil, err
	}
	data, err = t.store.ReadBlob(d)
	return d, data, err
}

// fetch fetches a small blob, without progress.
func (t *transfer) fetch(ctx context.Context, d v1.Descriptor) error {
	return t.fetchBlob(ctx, d, nil)
}
