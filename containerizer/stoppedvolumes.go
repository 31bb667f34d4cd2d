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
	return func(ctx context.Context, id mctr.ContainerID, m mctr.Mount) (*provisioner.Volume, error) {
		var parent *mctr.Handle
		if id.Parent() != "" {
			parent = new(s.HandleOf(id.Parent()))
		}
		for _, isolator := range table {
			at, err := isolator.(isolators.VolumeLocator).Locate(ctx, s.HandleOf(id), parent, m)
			if err != nil {
				return nil, err
			}
			if at != nil {
				return &provisioner.Volume{
					Root: at.Root, Path: at.Path, Target: path.Clean(m.Target), ReadOnly: m.ReadOnly,
					Alone: slices.Contains(m.Options, "bind"),
				}, nil
			}
		}
		return nil, nil
	}
}
