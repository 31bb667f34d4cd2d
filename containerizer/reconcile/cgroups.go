package reconcile

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// grouped finds root containers without any record, by their control groups: the name of the group
// above them follows from STATE's path, so that no other containerizer makes groups there. A
// container whose shim lives is not a leftover: the shim makes a record.
func (s *scan) grouped(ctx context.Context) {
	for _, id := range s.groupsOfRoots() {
		if _, seen := s.seen[id]; seen {
			continue
		}
		s.seen[id] = ""
		if s.Wake(ctx, id) == nil {
			s.seen[id], _ = s.Store.Container(id).Phase()
		}
	}
}

// groupsOfRoots returns the ids of root containers that have a control group. Such a group has a
// group for the container's own processes in it.
func (s *scan) groupsOfRoots() (ids []mctr.ContainerID) {
	pattern := filepath.Join(s.Store.CgroupPrefix(), "*", "main")
	if s.Store.Scoped() {
		pattern = filepath.Join(s.Store.Parent, "mctr-*.scope", "*", "main")
	}
	for _, root := range cgroup.Roots() {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // an error means a malformed pattern
		for _, dir := range found {
			id := mctr.ContainerID(filepath.Base(filepath.Dir(dir)))
			info, err := os.Lstat(dir)
			named := strings.HasSuffix(dir, "/"+s.Store.Container(id).Cgroup())
			if err == nil && info.IsDir() && named && id.Validate() == nil && id.Parent() == "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
