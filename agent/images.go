package agent

import (
	"context"
	"io"

	"github.com/mctr/mctr/provisioner"
)

// Images are the verbs on an image store. A [provisioner.Provisioner] has them.
type Images interface {
	// Pull brings an image into the store.
	Pull(ctx context.Context, ref string, o provisioner.PullOptions) (*provisioner.Image, error)
	// Images returns the images of the store.
	Images(ctx context.Context) ([]provisioner.Image, error)
	Inspect(ctx context.Context, ref string) (*provisioner.Image, error)
	// Remove removes an image; with force, one that a container uses too.
	Remove(ctx context.Context, ref string, force bool) (provisioner.PruneReport, error)
	// Prune removes what the store does not need.
	Prune(ctx context.Context, o provisioner.PruneOptions) (provisioner.PruneReport, error)
	// Tag gives an image one more name.
	Tag(ctx context.Context, source, target string) error
	// Load brings the images of an archive into the store. Images that were loaded before
	// an error are returned with it, and stay. Errors call the archive name.
	Load(ctx context.Context, from io.Reader, name string, o provisioner.LoadOptions) ([]*provisioner.Image, error)
	// Save writes images of the store to one archive.
	Save(ctx context.Context, refs []string, w io.Writer, f provisioner.SaveFormat) error
	// Usage returns what the store takes on disk.
	Usage(ctx context.Context) (provisioner.Usage, error)
}
