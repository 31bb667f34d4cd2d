package containerizer

import (
	"context"
	"path"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner"
)

// stoppedVolumes finds the volumes of stopped containers by the isolators that mount them.
func stoppedVolumes(s *store.Store, table []isolators.Isolator) rootfs.FindVolume {
	return func(ctx context.Context, id mctr.ContainerID, v mctr.Volume) (*provisioner.Volume, error) {
		var parent *mctr.Handle
		if id.Parent() != "" {
			parent = new(s.HandleOf(id.Parent()))
		}
		mounter := mounterOf(table, v)
		if mounter == nil { // an isolator that this process lacks
			return nil, nil
		}
		at, err := mounter.Locate(ctx, s.HandleOf(id), parent, v)
		if at == nil || err != nil {
			return nil, err
		}
		return &provisioner.Volume{
			Root: at.Root, Path: at.Path, Target: path.Clean(v.Target), ReadOnly: v.ReadOnly,
			Alone: slices.Contains(v.Options, "bind"),
		}, nil
	}
}
