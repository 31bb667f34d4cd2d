package provisioner

import (
	"context"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/puller"
	"github.com/mctr/mctr/provisioner/store"
)

// A PruneReport lists what was removed.
type PruneReport = store.Report

// PruneOptions say what to remove besides what nothing refers to.
type PruneOptions struct {
	All    bool             // every image without a lease
	Keep   func(Image) bool // with All: images to keep all the same; may be nil
	DryRun bool             // report only
}

// Remove takes a reference off its image and deletes what nothing refers to any more.
// ref is a name or the start of an id. An id stands for all references of the image, which
// must be of one repository unless force is set. Remove refuses to take the last reference
// off an image that is leased, and names the holders, unless force is set; the image's
// layers then stay until its leases end.
func (p *Provisioner) Remove(ctx context.Context, ref string, force bool) (PruneReport, error) {
	return p.store.Sweep(ctx, store.Sweep{Untag: func(all []*Image, held map[string]*Image) ([]*Image, error) {
		r, img, err := p.local(ref)
		if err != nil {
			return nil, err
		}
		byName := r.Kind != "" && r.String() == img.Reference
		if !byName && !force {
			if err := checkOneRepository(all, img); err != nil {
				return nil, err
			}
		}
		gone, others := namesOf(all, img, byName)
		if holders := store.Holders(held, img); len(holders) > 0 && len(others) == 0 && !force {
			return nil, store.InUse(img.Reference, holders)
		}
		return gone, nil
	}})
}

// namesOf divides the references of an image into those to remove and those that stay.
// With the last name goes the reference by id, which no listing shows beside names.
func namesOf(all []*Image, img *Image, byName bool) (gone, others []*Image) {
	var unnamed []*Image
	for _, i := range all {
		switch {
		case i.Reference == img.Reference || !byName && i.ID == img.ID:
			gone = append(gone, i)
		case i.ID == img.ID && IsUnnamed(i):
			unnamed = append(unnamed, i)
		case i.Digest == img.Digest || i.ID == img.ID:
			others = append(others, i)
		}
	}
	if len(others) > 0 {
		return gone, append(others, unnamed...)
	}
	return append(gone, unnamed...), nil
}

// checkOneRepository refuses to remove an image by its id if its names are of several
// repositories, as docker does.
func checkOneRepository(all []*Image, img *Image) error {
	var names, repositories []string
	for _, i := range all {
		if i.ID != img.ID {
			continue
		}
		names = append(names, i.Reference)
		if r, err := puller.Parse(i.Reference); err == nil && r.Kind == puller.Registry && !IsUnnamed(i) {
			repositories = append(repositories, r.Host()+"/"+r.Repository())
		}
	}
	slices.Sort(repositories)
	if len(slices.Compact(repositories)) > 1 {
		return fmt.Errorf("%w: image %s is called %q (remove it by these names, or force)", mctr.ErrState, img.ID,
			names)
	}
	return nil
}

// Named returns a function that returns true for an image with one of these names, for
// PruneOptions.Keep. The error wraps mctr.ErrInvalid for a name that is not valid.
func Named(names ...string) (func(Image) bool, error) {
	var references []string
	for _, name := range names {
		ref, err := puller.Parse(name)
		if err != nil {
			return nil, err
		}
		references = append(references, ref.String())
	}
	return func(i Image) bool { return slices.Contains(references, i.Reference) }, nil
}

// Prune deletes what no reference and no lease needs: images whose reference moved on,
// and remains of pulls that were killed. It goes on past errors.
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
