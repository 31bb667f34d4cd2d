package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/provisioner"
)

// pruneImages removes the images that no container uses, but for those excluded.
func (s *Server) pruneImages(ctx context.Context, in api.Prune) (provisioner.PruneReport, error) {
	if in.Mctr != nil {
		if len(in.ExcludedImages) > 0 {
			return provisioner.PruneReport{}, fmt.Errorf("%w: \"mctr\" stands alone, without excluded_images",
				mctr.ErrInvalid)
		}
		o := provisioner.PruneOptions{All: in.Mctr.All, DryRun: in.Mctr.DryRun}
		if in.Mctr.Only != nil {
			o.Keep = func(i provisioner.Image) bool { return !slices.Contains(in.Mctr.Only, i.Reference) }
		}
		return s.Images.Prune(ctx, o)
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
