package prune

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// VolumeCommand returns the command volume prune.
func VolumeCommand(h *hostapi.Host) *cobra.Command {
	return pruningCommand(h, pruning{volumes: true}, "prune [flags]", "Remove volumes that no container uses",
		"  mctr volume prune\n  mctr volume prune -a -f --filter label!=keep")
}

func volumes(ctx context.Context, h *hostapi.Host, p *pruning) (reclaimed int64, err error) {
	api, err := h.VolumeAPI()
	if err != nil {
		return 0, err
	}
	list, err := api.List(ctx, true)
	errs := []error{err}
	for _, v := range list {
		named := v.Container == "" && (!p.all || p.images) // --all of system prune is for images
		if len(v.Containers) > 0 || named || !p.matches(v.Created, v.Labels) || ctx.Err() != nil {
			continue
		}
		err := api.Remove(ctx, v.Name)
		switch {
		case errors.Is(err, mctr.ErrNotFound): // removed meanwhile
		case errors.Is(err, mctr.ErrState): // used meanwhile, or the anonymous volume of a container
		case err != nil:
			errs = append(errs, err)
		default:
			fmt.Println("deleted:", v.Name)
			if v.Usage != nil {
				reclaimed += v.Usage.Bytes
			}
		}
	}
	return reclaimed, errors.Join(errs...)
}
