package backend

import (
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// An IDMap maps the ids of a container, which layers use, to ids of the host. The nil map maps each
// id to itself.
type IDMap struct {
	UIDs, GIDs []specs.LinuxIDMapping
}

// Chown changes the owner of path to the host ids for uid and gid. It does not follow symbolic
// links.
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

// Root returns the host id of the container's root.
func (m *IDMap) Root() (uint32, error) { return host(0, m.UIDs) }

// host returns the host id for an id of the container.
func host(id uint32, mappings []specs.LinuxIDMapping) (uint32, error) {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + (id - m.ContainerID), nil
		}
	}
	return 0, fmt.Errorf("%w: id %d is outside the container's user namespace (map more ids)", mctr.ErrInvalid, id)
}
