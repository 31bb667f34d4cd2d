package provisioner

import (
	"cmp"
	"context"
	"slices"

	"github.com/mctr/mctr/provisioner/puller"
)

// Images returns all images of the store, sorted by reference.
func (p *Provisioner) Images(context.Context) ([]Image, error) {
	found, err := p.store.Images()
	if err != nil {
		return nil, err
	}
	all := make([]Image, 0, len(found))
	for _, img := range found {
		all = append(all, *img)
	}
	slices.SortFunc(all, func(a, b Image) int { return cmp.Compare(a.Reference, b.Reference) })
	return all, nil
}

// Shown returns true if a list for people should show i, one of all images: an image that
// the store has both by id and by name is listed by name only.
func Shown(i Image, all []Image) bool {
	return !IsUnnamed(&i) ||
		!slices.ContainsFunc(all, func(other Image) bool { return other.ID == i.ID && !IsUnnamed(&other) })
}

// Inspect returns an image of the store, given by reference or by the start of its id,
// with its manifest and config as they were pulled.
func (p *Provisioner) Inspect(_ context.Context, ref string) (*Image, error) {
	r, img, err := p.local(ref)
	if r.Kind == puller.Rootfs {
		return rootfs(r)
	}
	if err != nil {
		return nil, err
	}
	if img.RawManifest, err = p.store.ReadBlob(img.Blobs[0]); err != nil {
		return nil, err
	}
	img.RawConfig, err = p.store.ReadBlob(img.Blobs[1])
	return img, err
}
