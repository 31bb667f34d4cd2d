package agent

import (
	"context"
	"io"

	"github.com/mctr/mctr/provisioner"
)

// Images has the operations on an image store. A [provisioner.Provisioner] implements it.
type Images interface {
	// Pull fetches an image into the store.
	Pull(ctx context.Context, ref string, o provisioner.PullOptions) (*provisioner.Image, error)
	// Images returns the images in the store.
	Images(ctx context.Context) ([]provisioner.Image, error)
	Inspect(ctx context.Context, ref string) (*provisioner.Image, error)
	// Remove removes an image. With force it also removes an image that a container uses.
	Remove(ctx context.Context, ref string, force bool) (provisioner.PruneReport, error)
	// Prune removes unused layers and files and, depending on o, unused images.
	Prune(ctx context.Context, o provisioner.PruneOptions) (provisioner.PruneReport, error)
	// Tag gives an image another name.
	Tag(ctx context.Context, source, target string) error
	// Load adds the images of an archive to the store. After an error it also returns the images
	// that were loaded before; they stay in the store. Errors refer to the archive as name.
	Load(ctx context.Context, from io.Reader, name string, o provisioner.LoadOptions) ([]*provisioner.Image, error)
	// Save writes images of the store to one archive.
	Save(ctx context.Context, refs []string, w io.Writer, f provisioner.SaveFormat) error
	// Usage returns the disk usage of the store.
	Usage(ctx context.Context) (provisioner.Usage, error)
}
