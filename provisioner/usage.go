package provisioner

import (
	"context"

	"github.com/mctr/mctr/provisioner/store"
)

// Usage is the disk space of the store.
type Usage struct {
	Images      []ImageUsage `json:"images"`      // by reference
	Bytes       int64        `json:"bytes"`       // of all images; what they share counts once
	Reclaimable int64        `json:"reclaimable"` // the part that no lease holds: what Prune with All frees
	Leftovers   PruneReport  `json:"leftovers"`   // what no image refers to, and Prune removes; empty during a pull
}

// ImageUsage is the disk space of one image.
type ImageUsage struct {
	Image
	Bytes   int64    `json:"bytes"`   // packed and unpacked
	Shared  int64    `json:"shared"`  // the part that images of another digest use too
	Holders []string `json:"holders"` // of leases
}

// Usage adds up what the images take on disk, packed and unpacked.
func (p *Provisioner) Usage(ctx context.Context) (Usage, error) {
	var u Usage
	images, err := p.Images(ctx)
	if err != nil {
		return u, err
	}
	held, err := p.store.Leases()
	if err != nil {
		return u, err
	}
	if u.Leftovers, err = p.store.Sweep(ctx, store.Sweep{DryRun: true, Try: true}); err != nil {
		return u, err
	}
	parts := &parts{store: p.store, size: map[string]int64{}, users: map[string]map[string]bool{}}
	for _, img := range images {
		parts.add(&img)
	}
	for _, img := range images {
		i := ImageUsage{Image: img, Holders: store.Holders(held, &img)}
		i.Bytes, i.Shared = parts.of(&img)
		u.Images = append(u.Images, i)
	}
	u.Bytes, u.Reclaimable = parts.total(held)
	return u, nil
}

// parts are the blobs and layers of images, with the images that use each.
type parts struct {
	store *store.Store
	size  map[string]int64
	users map[string]map[string]bool // by manifest digest
}

// names returns the parts of an image, each once.
func (*parts) names(img *Image) map[string]bool {
	all := map[string]bool{}
	for _, b := range img.Blobs {
		all[string(b.Digest)] = true
	}
	for _, l := range img.Layers {
		all[l.Key] = true
	}
	return all
}

func (p *parts) add(img *Image) {
	for _, b := range img.Blobs {
		if p.store.HasBlob(b) {
			p.size[string(b.Digest)] = b.Size
		}
	}
	for _, l := range img.Layers {
		if layer, ok := p.store.Layer(l.Key); ok {
			p.size[l.Key] = layer.Bytes
		}
	}
	for name := range p.names(img) {
		if p.users[name] == nil {
			p.users[name] = map[string]bool{}
		}
		p.users[name][string(img.Digest)] = true
	}
}

func (p *parts) of(img *Image) (bytes, shared int64) {
	for name := range p.names(img) {
		bytes += p.size[name]
		if len(p.users[name]) > 1 {
			shared += p.size[name]
		}
	}
	return bytes, shared
}

// total adds up all parts, each once, and separately those that no leased image uses.
func (p *parts) total(held map[string]*Image) (bytes, reclaimable int64) {
	kept := map[string]bool{}
	for _, img := range held {
		for name := range p.names(img) {
			kept[name] = true
		}
	}
	for name, size := range p.size {
		bytes += size
		if !kept[name] {
			reclaimable += size
		}
	}
	return bytes, reclaimable
}
