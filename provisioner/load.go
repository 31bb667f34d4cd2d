package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/puller"
)

// LoadOptions say how to load an archive.
type LoadOptions struct {
	Platform string   // os/arch[/variant]; empty for the host's
	Progress Progress // may be nil
}

// Load unpacks every image of an archive into the store, under the names that the archive
// gives them; an image without a name gets its id as name. The archive is the output of
// docker save, an OCI layout or a tar of one; from is a file, a directory or any stream, and
// name is how errors call it. Load returns the images that were loaded before an error
// together with the error, and they stay. The error wraps ErrInvalid.
func (p *Provisioner) Load(ctx context.Context, from io.Reader, name string, o LoadOptions) ([]*Image, error) {
	want, err := manifest.ParsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	lock, err := p.store.Shared(ctx)
	if err != nil {
		return nil, fmt.Errorf("load %s: lock image store: %w", name, err)
	}
	images, err := p.load(ctx, from, name, o, want)
	if err != nil {
		err = &pullError{"load", name, err}
	}
	lock.Unlock()
	return images, p.removeGarbage(ctx, err)
}

func (p *Provisioner) load(ctx context.Context, from io.Reader, name string, o LoadOptions,
	want v1.Platform) (all []*Image, err error) {
	temp, err := p.store.Temp()
	if err != nil {
		return nil, err
	}
	m, err := puller.OpenMembers(from, name, p.settings.source(nil, temp))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if len(m.Images) == 0 {
		return nil, fmt.Errorf("%w: there is no image in it", mctr.ErrInvalid)
	}
	for _, member := range m.Images {
		images, err := p.loadMember(ctx, member, name, o, want)
		if err != nil {
			return all, err
		}
		all = append(all, images...)
	}
	return all, nil
}

// loadMember loads one image of the archive, and gives it all its names.
func (p *Provisioner) loadMember(ctx context.Context, m puller.Member, name string, o LoadOptions,
	want v1.Platform) ([]*Image, error) {
	t := &transfer{
		store: p.store, settings: p.settings, source: m.Source,
		asked: o.Platform, platform: want, upon: p.unpackOnParents(),
	}
	if len(m.Names) > 0 {
		t.ref = m.Names[0]
	}
	t.progress = serial(o.Progress, cmp.Or(t.ref, name))
	img, err := t.run(ctx)
	if err != nil {
		return nil, err
	}
	all := []*Image{img}
	for i := 1; i < len(m.Names); i++ {
		also := *img
		also.Reference = m.Names[i]
		if err := p.store.Tag(&also); err != nil {
			return all, err
		}
		all = append(all, &also)
	}
	return all, nil
}
