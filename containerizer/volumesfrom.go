package containerizer

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// addVolumesFrom adds to config the volumes of the containers in its VolumesFrom, except at targets
// where config has a volume itself, and except those that exist only for their container.
func addVolumesFrom(s *store.Store, images Images, config *mctr.ContainerConfig) error {
	for _, from := range config.VolumesFrom {
		ref, mode, _ := strings.Cut(from, ":")
		if mode != "" && mode != "ro" && mode != "rw" {
			return fmt.Errorf("%w: volumes_from %q: want CONTAINER, CONTAINER:ro or CONTAINER:rw", mctr.ErrInvalid,
				from)
		}
		id, err := s.Resolve(ref, s.IDs)
		if err != nil {
			return fmt.Errorf("volumes_from %q: %w", from, err)
		}
		volumes, err := sharedVolumes(s, images, id)
		if err != nil {
			return fmt.Errorf("volumes_from %q: %w", from, err)
		}
		for _, v := range volumes {
			v.ReadOnly = v.ReadOnly || mode == "ro"
			if !slices.ContainsFunc(config.Volumes, func(has mctr.Volume) bool { return sameTarget(has, v) }) {
				config.Volumes = append(config.Volumes, v)
			}
		}
	}
	return nil
}

func sameTarget(a, b mctr.Volume) bool { return path.Clean(a.Target) == path.Clean(b.Target) }

// sharedVolumes returns the volumes of a container that another can mount too. Its anonymous volumes, and
// the Volumes of its image, have names there.
func sharedVolumes(s *store.Store, images Images, id mctr.ContainerID) ([]mctr.Volume, error) {
	c := s.Container(id)
	r, err := c.Record()
	if err != nil {
		return nil, err
	}
	targets, err := imageVolumes(c, images)
	if err != nil {
		return nil, err
	}
	volumes := slices.Clone(r.Config.Volumes)
	for _, target := range targets {
		v := mctr.Volume{Type: mctr.VolumeLocal, Target: path.Clean("/" + target)}
		if !slices.ContainsFunc(volumes, func(has mctr.Volume) bool { return sameTarget(has, v) }) {
			volumes = append(volumes, v)
		}
	}
	volumes = slices.DeleteFunc(volumes, func(v mctr.Volume) bool { return !v.OutlivesRun() })
	for i, v := range volumes {
		if v.Type == mctr.VolumeLocal && v.Source == "" {
			volumes[i].Source = mctr.AnonymousVolume(id, v.Target)
		}
	}
	return volumes, nil
}

// imageVolumes returns the Volumes of a container's image: as the last launch found them, or for a
// container that was never launched, as the image that it holds has them.
func imageVolumes(c *store.Container, images Images) ([]string, error) {
	if image := c.Resolved().Image; image != nil || images == nil {
		if image == nil {
			return nil, nil
		}
		return slices.Sorted(maps.Keys(image.Volumes)), nil
	}
	leases, err := images.Leases()
	if err != nil || leases[string(c.ID)] == nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(leases[string(c.ID)].Config.Volumes)), nil
}
