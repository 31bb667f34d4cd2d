package provisioner

import (
	"context"
	"slices"

	"github.com/mctr/mctr/provisioner/store"
)

// A PruneReport says what was removed.
type PruneReport = store.Report

// PruneOptions say what to remove beside what nothing refers to.
type PruneOptions struct {
	All    bool             // every image that no lease holds
	Keep   func(Image) bool // with All: images to be kept all the same; may be nil
	DryRun bool             // only report
}

// Remove takes a reference off its image, given by name or by the start of its
// id (then all its references), and deletes what nothing refers to any more.
// The last reference of an image that is leased is refused, naming the holders,
// unless force is set; then the image's layers stay until its leases end.
func (p *Provisioner) Remove(ctx context.Context, ref string, force bool) (PruneReport, error) {
	return p.store.Sweep(ctx, store.Sweep{Untag: func(all []*Image, held map[string]*Image) ([]*Image, error) {
		r, img, err := p.local(ref)
		if err != nil {
			return nil, err
		}
		byName := r.Kind != "" && r.String() == img.Reference
		var gone, others []*Image
		for _, i := range all {
			switch {
			case i.Reference == img.Reference || !byName && i.ID == img.ID:
				gone = append(gone, i)
			case i.Digest == img.Digest:
				others = append(others, i)
			}
		}
		if holders := store.Holders(held, img); len(holders) > 0 && len(others) == 0 && !force {
			return nil, store.InUse(img.Reference, holders)
		}
		return gone, nil
	}})
}

// Prune deletes what no reference and no lease needs: old images whose
// reference moved on, and what pulls that died left. It goes on past errors.
func (p *Provisioner) Prune(ctx context.Context, o PruneOptions) (PruneReport, error) {
	w := store.Sweep{DryRun: o.DryRun}
	if o.All {
		w.Untag = func(all []*Image, held map[string]*Image) ([]*Image, error) {
			return slices.DeleteFunc(slices.Clone(all), func(i *Image) bool {
				return len(store.Holders(held, i)) > 0 || o.Keep != nil && o.Keep(*i)
			}), nil
		}
	}
	return p.store.Sweep(ctx, w)
}
