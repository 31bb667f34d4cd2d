package image

import (
	"context"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/provisioner"
)

// A row is a row in the list of images, with the field names of docker.
type row struct{ Repository, Tag, ID, Digest, CreatedSince, CreatedAt, Size string }

func imagesCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	var digests bool
	cmd := &cobra.Command{
		Use:     "images [flags] [IMAGE]",
		Short:   "List the images in the store",
		Example: "  mctr images\n  mctr images -q",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: h.CompleteImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			rows, err := listed(cmd.Context(), h, args, list.NoTrunc)
			if err != nil {
				return err
			}
			columns := []string{"REPOSITORY={{.Repository}}", "TAG={{.Tag}}", "IMAGE ID={{.ID}}",
				"CREATED={{.CreatedSince}}", "SIZE={{.Size}}"}
			if digests {
				columns = append(columns, "DIGEST={{.Digest}}")
			}
			return list.Print(format.Rows(rows), columns)
		},
	}
	list.RegisterQuiet(cmd.Flags())
	list.Register(cmd.Flags(), "ids")
	cmd.Flags().BoolVar(&digests, "digests", false, "also show the digests of manifests")
	return cmd
}

func listed(ctx context.Context, h *hostapi.Host, args []string, noTrunc bool) ([]row, error) {
	store, err := h.ImageAPI()
	if err != nil {
		return nil, err
	}
	images, err := store.Images(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, image := range images {
		if !provisioner.Shown(image, images) || len(args) > 0 && !strings.Contains(image.Reference, args[0]) {
			continue
		}
		r := row{ID: image.ID.Encoded(), Digest: string(image.Digest), Size: units.HumanSize(float64(image.Size))}
		r.Repository, r.Tag = format.SplitReference(image.Reference)
		if !image.Created.IsZero() {
			r.CreatedSince, r.CreatedAt = format.Ago(image.Created), image.Created.Local().String()
		}
		if !noTrunc {
			r.ID = format.ShortDigest(r.ID)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
