package containerizer

import (
	"context"
	"fmt"
	"slices"

	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/puller"
)

// PruneImages removes the images that no container uses, but for those that keep
// names, and everything in the store that nothing refers to.
func (c *Containerizer) PruneImages(ctx context.Context, keep ...string) (provisioner.PruneReport, error) {
	if c.images == nil {
		return provisioner.PruneReport{}, errNoImages
	}
	var kept []string
	for _, name := range keep {
		ref, err := puller.Parse(name)
		if err != nil {
			return provisioner.PruneReport{}, fmt.Errorf("keep: %w", err)
		}
		kept = append(kept, ref.String())
	}
	return c.images.Prune(ctx, provisioner.PruneOptions{
		All: true, Keep: func(i provisioner.Image) bool { return slices.Contains(kept, i.Reference) },
	})
}
