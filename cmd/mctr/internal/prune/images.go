package prune

import (
	"context"
	"fmt"
	"slices"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/provisioner"
)

// PrintReport prints what Prune or Remove has removed from the image store.
func PrintReport(r provisioner.PruneReport) {
	for _, ref := range r.Untagged {
		fmt.Println("untagged:", ref)
	}
	for _, object := range slices.Concat(r.Blobs, r.Layers, r.Temporary) {
		fmt.Println("deleted:", object)
	}
}

func images(ctx context.Context, h *hostapi.Host, p *pruning) (int64, error) {
	store, err := h.ImageAPI()
	if err != nil {
		return 0, err
	}
	report, err := store.Prune(ctx, provisioner.PruneOptions{All: true, Keep: func(i provisioner.Image) bool {
		made := i.Created
		if made.IsZero() {
			made = i.Pulled
		}
		return !p.all && !provisioner.IsUnnamed(&i) || !p.matches(made, i.Config.Labels)
	}})
	PrintReport(report)
	return report.Bytes, err
}
