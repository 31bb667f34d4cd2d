package backend

import (
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// An IDMap says which host ids stand for the ids that layers name. The nil map
// changes none.
type IDMap struct {
	UIDs, GIDs []specs.LinuxIDMapping
}

// Chown gives path the host's ids that stand for uid and gid. It follows no link.
func (m *IDMap) Chown(path string, uid, gid uint32) error {
	if m == nil {
		return os.Lchown(path, int(uid), int(gid))
	}
	u, err := host(uid, m.UIDs)
	if err != nil {
		return fmt.Errorf("owner of %s: %w", path, err)
	}
	g, err := host(gid, m.GIDs)
	if err != nil {
		return fmt.Errorf("group of %s: %w", path, err)
	}
	return os.Lchown(path, int(u), int(g))
}

// Root is the host's id of the container's root.
func (m *IDMap) Root() (uint32, error) { return host(0, m.UIDs) }

// host returns the host's id for one of the container.
func host(id uint32, mappings []specs.LinuxIDMapping) (uint32, error) {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + (id - m.ContainerID), nil
		}
	}
	return 0, fmt.Errorf("%w: id %d is outside the container's user namespace (map more ids)", mctr.ErrInvalid, id)
}
