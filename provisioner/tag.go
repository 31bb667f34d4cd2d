package provisioner

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/puller"
)

// Tag makes target a name of the image that source names, by reference or by the start of
// its id. An image that had this name before loses it. The error wraps ErrNotFound if source
// is not in the store, and ErrInvalid if target is not a registry name or has a digest.
func (p *Provisioner) Tag(ctx context.Context, source, target string) (err error) {
	to, err := puller.Parse(target)
	if err != nil {
		return err
	}
	if to.Kind != puller.Registry {
		return fmt.Errorf("%w: tag %s: a tag is a name such as registry.test/app:1", mctr.ErrInvalid, target)
	}
	if to.Digest() != "" {
		return fmt.Errorf("%w: tag %s: refusing to create a tag with a digest reference", mctr.ErrInvalid, target)
	}
	lock, err := p.store.Shared(ctx)
	if err != nil {
		return fmt.Errorf("tag %s: lock image store: %w", target, err)
	}
	defer lock.Unlock()
	from, img, err := p.local(source)
	if from.Kind == puller.Rootfs {
		return fmt.Errorf("%w: tag %s: a directory is no image of the store", mctr.ErrInvalid, source)
	}
	if err != nil {
		return err
	}
	tagged := *img
	tagged.Reference, tagged.Stamp = to.String(), ""
	return p.store.Tag(&tagged)
}
