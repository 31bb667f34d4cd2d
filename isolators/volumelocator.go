package isolators

import (
	"context"

	"github.com/mctr/mctr"
)

// A VolumeLocator is an Isolator that mounts volumes whose files are on the host also while their container is
// stopped. A copy to or from a stopped container mounts such volumes where the container has them; a path in any
// other mount of the config is refused.
type VolumeLocator interface {
	// Locate returns where the files of m, a mount of the config of container h, are. It returns nil for a mount
	// of another isolator, and an error, which names the cause alone, if the files cannot be reached. h need not
	// have been prepared: a container that awaits its first start has not. parent is nil for a root container.
	// Locate changes nothing, and looks at files that may hang with a deadline.
	Locate(ctx context.Context, h mctr.Handle, parent *mctr.Handle, m mctr.Mount) (*Location, error)
}

// A Location is where the files of a volume are: Path is found below Root, without leaving it by a symbolic link.
type Location struct{ Root, Path string }
