package agent

import (
	"context"

	"github.com/mctr/mctr"
)

// Volumes has the operations on named volumes. A [containerizer.Volumes] implements it.
//
// [containerizer.Volumes]: https://pkg.go.dev/github.com/mctr/mctr/containerizer#Volumes
type Volumes interface {
	// Create makes a volume and returns it; one without a name gets a random one. A volume that exists
	// with the same properties is returned as it is.
	Create(ctx context.Context, v mctr.NamedVolume) (*mctr.NamedVolume, error)
	// List returns every volume. With usage, it counts the files of each, which may take long. The error
	// is about volumes that cannot be read.
	List(ctx context.Context, usage bool) ([]mctr.VolumeDetails, error)
	Inspect(ctx context.Context, name string) (*mctr.VolumeDetails, error)
	// Expand makes a volume with a size larger, and returns it.
	Expand(ctx context.Context, name string, size int64) (*mctr.NamedVolume, error)
	// Remove removes a volume with its files. It fails while the config of a container names it.
	Remove(ctx context.Context, name string) error
}
