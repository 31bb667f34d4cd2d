package operator

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
	"github.com/mctr/mctr/provisioner"
)

// pruneImages removes the images that no container uses, but for those excluded.
func (s *Server) pruneImages(ctx context.Context, in api.Prune) (provisioner.PruneReport, error) {
	if in.Mctr != nil {
		if len(in.ExcludedImages) > 0 {
			return provisioner.PruneReport{}, fmt.Errorf("%w: \"mctr\" stands alone, without excluded_images", mctr.ErrInvalid)
		}
		return s.Images.Prune(ctx, provisioner.PruneOptions{All: in.Mctr.All, DryRun: in.Mctr.DryRun})
	}
	var keep []string
	for _, image := range in.ExcludedImages {
		name, err := image.Reference()
		if err != nil {
			return provisioner.PruneReport{}, err
		}
		keep = append(keep, name)
	}
	return s.Containers.PruneImages(ctx, keep...)
}
