package image

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/provisioner"
)

func inspectCommand(h *hostapi.Host) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:               "inspect [flags] IMAGE...",
		Short:             "Show the details of images in the store",
		Example:           "  mctr image inspect alpine --format '{{json .Config.Env}}'",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return Inspect(cmd.Context(), h, args, format)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "", "Go template")
	return cmd
}

// imageInfo has the keys of docker, and also the manifest.
type imageInfo struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Created      string
	Architecture string
	Os           string
	Variant      string `json:",omitempty"`
	Size         int64
	Config       any
	RootFS       struct {
		Type   string
		Layers []string
	}
	Manifest json.RawMessage `json:",omitempty"`
}

// Inspect prints images as JSON or with a Go template.
func Inspect(ctx context.Context, h *hostapi.Host, refs []string, layout string) error {
	store, err := h.ImageAPI()
	if err != nil {
		return err
	}
	all, err := store.Images(ctx)
	if err != nil {
		return err
	}
	return format.Inspect(refs, layout, func(ref string) (info imageInfo, err error) {
		image, err := store.Inspect(ctx, ref)
		if err == nil {
			info = describeImage(image, all)
		}
		return info, err
	})
}

func describeImage(image *provisioner.Image, all []provisioner.Image) imageInfo {
	i := imageInfo{
		ID: string(image.ID), RepoTags: []string{}, RepoDigests: []string{},
		Created: image.Created.Format("2006-01-02T15:04:05.999999999Z07:00"), Architecture: image.Platform.Architecture,
		Os: image.Platform.OS, Variant: image.Platform.Variant, Size: image.Size, Config: image.Config,
		Manifest: image.RawManifest,
	}
	for _, other := range all {
		if other.ID == image.ID && !provisioner.IsUnnamed(&other) {
			i.RepoTags = append(i.RepoTags, other.Reference)
			repository, _ := format.SplitReference(other.Reference)
			if digest := repository + "@" + string(other.Digest); !slices.Contains(i.RepoDigests, digest) {
				i.RepoDigests = append(i.RepoDigests, digest)
			}
		}
	}
	i.RootFS.Type = "layers"
	for _, d := range image.DiffIDs {
		i.RootFS.Layers = append(i.RootFS.Layers, string(d))
	}
	return i
}
